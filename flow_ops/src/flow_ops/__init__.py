"""Logs, secrets, deployments, workers and tests of Prefect flow repositories."""
