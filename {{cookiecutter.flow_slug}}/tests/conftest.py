"""The fixtures of `flow_ops.testing`: Prefect apart from your own, and a server where a test asks for one."""

pytest_plugins = ["flow_ops.testing"]
