"""Python's `logging` in a run, without any library: terminal, UI and a file.

    PREFECT_LOGGING_EXTRA_LOGGERS=custom uv run docs/recipes/log_python.py

The handler is on the logger itself: `basicConfig(filename=...)` leaves no file, because Prefect replaces the
root's handlers. The logger has a name: `__name__` of a flow's file is another one on a worker. The file is
where Prefect's home is: a run's working folder is temporary. The order of the imports does not matter.

What it cannot do: Prefect's own lines are not in the file, and two runs at a time must not share one that
rotates. `flow_ops.logs` does both: see log_flow_ops.py.

File custom.log:

    2026-03-02 12:41:21 INFO Hello world from the flow
    2026-03-02 12:41:21 INFO Hello world from the task

UI:

    Hello world from the flow
    Hello world from the task
"""

import logging

from prefect import flow, task
from prefect.settings import get_current_settings

logger = logging.getLogger("custom")
logger.setLevel(logging.INFO)


def write_to_file() -> None:
    """Send the logger's records to `<Prefect home>/logs/custom.log`."""
    folder = get_current_settings().home / "logs"
    folder.mkdir(exist_ok=True)
    handler = logging.FileHandler(folder / "custom.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)


@task
def greet_from_task(name: str) -> None:
    """Log in a task."""
    logger.info("Hello %s from the task", name)


@flow
def hello_python(name: str = "world") -> None:
    """Log in a flow."""
    logger.info("Hello %s from the flow", name)
    greet_from_task(name)


if __name__ == "__main__":
    write_to_file()
    hello_python()
