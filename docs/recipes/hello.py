"""A flow, a task, their parameters, and Prefect's own logger for the run.

    uv run docs/recipes/hello.py

Logs:

    12:41:21.023 | INFO    | Flow run 'zippy-skunk' - Beginning flow run 'zippy-skunk' for flow 'hello'
    12:41:21.089 | INFO    | Flow run 'zippy-skunk' - Hello world from the flow
    12:41:21.368 | INFO    | Task run 'greet-1a2' - Hello world from the task
    12:41:21.435 | INFO    | Task run 'greet-1a2' - Finished in state Completed()
    12:41:21.494 | INFO    | Flow run 'zippy-skunk' - Finished in state Completed()

Prints:

    Hello world
"""

from prefect import flow, get_run_logger, task


@task
def greet(name: str) -> str:
    """Return the greeting."""
    get_run_logger().info("Hello %s from the task", name)
    return f"Hello {name}"


@flow
def hello(name: str = "world") -> str:
    """Greet somebody. The type of `name` becomes a field of the form that the UI shows."""
    get_run_logger().info("Hello %s from the flow", name)
    return greet(name)


if __name__ == "__main__":
    print(hello("world"))
