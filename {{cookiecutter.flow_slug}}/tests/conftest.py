"""The fixtures `prefect_server`, `flow_logs`, `secrets` and `variables`; tests never touch your own Prefect."""

pytest_plugins = ["flow_ops.testing"]
