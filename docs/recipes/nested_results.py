"""Return values through nested flows: they are plain Python values, and a failure below fails what is above.

    uv run docs/recipes/nested_results.py

Prints:

    8: approved
    5: failed the exam
    Failed: ValueError: no mark between 1 and 10: 11
"""

from prefect import flow, task


@task
def check(mark: int) -> int:
    """Return the mark, or raise where it is none."""
    if not 1 <= mark <= 10:
        raise ValueError(f"no mark between 1 and 10: {mark}")
    return mark


@flow
def exam(mark: int) -> int:
    """The inner flow: what its task returns, it returns."""
    return check(mark)


@flow
def course(mark: int) -> str:
    """The outer flow decides with the value of the inner one."""
    return f"{mark}: approved" if exam(mark) >= 6 else f"{mark}: failed the exam"


if __name__ == "__main__":
    print(course(8))
    print(course(5))
    # With `return_state=True` a failure is an answer to look at instead of an exception.
    state = course(11, return_state=True)
    error = state.result(raise_on_failure=False)
    print(f"{state.name}: {type(error).__name__}: {error}")
