"""Tests on a Windows Python, under Wine."""
