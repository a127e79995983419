"""Wait for a task with a limit of time, and go on without its result.

    uv run docs/recipes/time_limits.py

Three tools, and what each does when the time is over:

- `future.wait(seconds)` stops *waiting*. The task goes on, and the flow's end still waits for it.
- `future.result(timeout=seconds)` the same, as a TimeoutError.
- `@task(timeout_seconds=...)` ends the *task*, as TimedOut: an async one at its next await, a plain one as soon
  as it is back in Python code. A blocking call in a thread is not interrupted: give the call its own timeout.

Prints:

    quick report, waited for: report of 0 s
    slow report, waited for: going on without it
    slow report, result: TimeoutError
    quick task with a timeout: Completed
    slow task with a timeout: TimedOut
"""

import asyncio
import time

from prefect import flow, task


@task
def report(seconds: int) -> str:
    """Stand for a report that takes its time."""
    time.sleep(seconds)
    return f"report of {seconds} s"


@task(timeout_seconds=1)
async def report_or_nothing(seconds: int) -> str:
    """The same, ended by Prefect after a second."""
    await asyncio.sleep(seconds)
    return f"report of {seconds} s"


@flow
def wait_at_most(seconds: int) -> str:
    """Use the report if it is there within a second, or go on without."""
    future = report.submit(seconds)
    future.wait(1)
    return future.result() if future.state.is_completed() else "going on without it"


@flow
def result_within_a_second(seconds: int) -> str:
    """The same with an exception."""
    future = report.submit(seconds)
    try:
        return future.result(timeout=1)
    except TimeoutError:
        return "TimeoutError"


@flow
async def ended_after_a_second(seconds: int) -> str:
    """Look at the state of a task that may have been ended, without failing for it."""
    state = await report_or_nothing(seconds, return_state=True)
    return state.name


if __name__ == "__main__":
    print("quick report, waited for:", wait_at_most(0))
    print("slow report, waited for:", wait_at_most(3))
    print("slow report, result:", result_within_a_second(3))
    print("quick task with a timeout:", asyncio.run(ended_after_a_second(0)))
    print("slow task with a timeout:", asyncio.run(ended_after_a_second(3)))
