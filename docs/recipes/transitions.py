"""Who may call whom: since Prefect 2.18 flows and tasks call each other in all four ways.

    uv run docs/recipes/transitions.py

Prints:

    flow -> task: total of 1
    flow -> flow: branch north, total of 2
    task -> task: audited total of 3
    task -> flow: audited branch south, total of 4
"""

from prefect import flow, task


@task
def total(units: int) -> str:
    """Called by flows and by a task."""
    return f"total of {units}"


@flow
def branch(name: str, units: int) -> str:
    """Called by a flow and by a task."""
    return f"branch {name}, {total(units)}"


@task
def audit_total(units: int) -> str:
    """A task that calls a task."""
    return f"audited {total(units)}"


@task
def audit_branch(name: str, units: int) -> str:
    """A task that calls a flow. The subflow's run appears below the task's."""
    return f"audited {branch(name, units)}"


@flow
def day() -> list[str]:
    """Make the four transitions. A subflow could also be submitted or mapped from inside a task."""
    return [
        f"flow -> task: {total(1)}",
        f"flow -> flow: {branch('north', 2)}",
        f"task -> task: {audit_total(3)}",
        f"task -> flow: {audit_branch('south', 4)}",
    ]


if __name__ == "__main__":
    print(*day(), sep="\n")
