"""The generated repositories' logger: terminal, UI and a rotating file, Prefect's own lines included.

    uv run --project demo/ventas-diarias docs/recipes/log_flow_ops.py

No settings, no profile, no order of imports. `log_file` sends a part of the work to another file.

File ventas-diarias.log:

    2026-03-02T12:41:21.023-03:00 | INFO     | zippy-skunk 5f2e | - | prefect.flow_runs | Beginning flow run 'zippy-skunk' for flow 'hello-flow-ops'
    2026-03-02T12:41:21.089-03:00 | INFO     | zippy-skunk 5f2e | - | ventas_diarias.recipe | Hello world from the flow
    2026-03-02T12:41:21.368-03:00 | INFO     | zippy-skunk 5f2e | greet_apart-1a2 | prefect.task_runs | Finished in state Completed()
    2026-03-02T12:41:21.494-03:00 | INFO     | zippy-skunk 5f2e | - | prefect.flow_runs | Finished in state Completed()

File nightly.log:

    2026-03-02T12:41:21.300-03:00 | INFO     | zippy-skunk 5f2e | greet_apart-1a2 | ventas_diarias.recipe | Hello world, only here

UI:

    Hello world from the flow
    Hello world, only here
"""

from prefect import flow, task

from flow_ops.logs import get_logger, log_file

logger = get_logger("recipe")


@task
def greet_apart(name: str) -> None:
    """Log to a file of its own, below the usual one's folder."""
    with log_file("nightly.log"):
        logger.info("Hello %s, only here", name)


@flow
def hello_flow_ops(name: str = "world") -> None:
    """Log in a flow."""
    logger.info("Hello %s from the flow", name)
    greet_apart(name)


if __name__ == "__main__":
    hello_flow_ops()
