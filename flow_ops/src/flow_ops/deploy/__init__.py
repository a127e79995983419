"""Deployments: from the pins of `deploy.py` to what the server has, and back."""
