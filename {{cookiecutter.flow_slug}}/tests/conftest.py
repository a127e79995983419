"""Prefect isolated, a server when a test asks for one, and the fixtures: see `flow_ops/testing/plugin.py`."""

pytest_plugins = ["flow_ops.testing"]
