"""Async subflows that run at the same time, two of them at most.

    uv run docs/recipes/parallel_subflows.py

Unbounded, many subflows queue for the database of a server on SQLite: twenty empty ones were measured at
over a minute. For a wide fan-out use tasks: see parallel_tasks.py.

Prints:

    north: 3 orders
    south: 3 orders
    west: 3 orders
    most at the same time: 2
"""

import asyncio

from prefect import flow, task

under_way: set[str] = set()
most = 0


@task
async def count_orders(branch: str) -> str:
    """Stand for work that waits: a database, a web service."""
    await asyncio.sleep(0.5)
    return f"{branch}: 3 orders"


@flow
async def one_branch(branch: str) -> str:
    """Do the work of one branch: in the UI, a run of its own below the main one."""
    return await count_orders(branch)


@flow
async def all_branches(branches: list[str]) -> list[str]:
    """Run `one_branch` for each, two at a time; the results come in the order of the branches."""
    two_at_a_time = asyncio.Semaphore(2)

    async def run(branch: str) -> str:
        global most
        async with two_at_a_time:
            under_way.add(branch)
            most = max(most, len(under_way))
            result = await one_branch(branch)
            under_way.remove(branch)
            return result

    runs = [asyncio.create_task(run(branch)) for branch in branches]
    # Where one fails, the others go on to their end: `gather` alone would not wait, and leave them Running forever.
    await asyncio.gather(*runs, return_exceptions=True)
    return [each.result() for each in runs]


if __name__ == "__main__":
    print(*asyncio.run(all_branches(["north", "south", "west"])), sep="\n")
    print("most at the same time:", most)
