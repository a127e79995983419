"""Logs, secrets, deployments, workers and tests of Prefect flow repositories."""

import os

# Prefect would send usage data to its makers, and say so in English at a person's first command.
os.environ.setdefault("DO_NOT_TRACK", "1")
