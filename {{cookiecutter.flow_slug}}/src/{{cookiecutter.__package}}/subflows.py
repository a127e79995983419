"""Parallel work: the branches in groups, each group a subflow."""

import asyncio
from datetime import date
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from {{ cookiecutter.__package }}.tasks import Summary, read_orders, summarise_branch

# Subflows that run together. More of them queue for the database of a server on SQLite: 2 take two
# seconds, 20 over a minute. The branches of a group are tasks, which have no such limit.
GROUPS = 2


@flow(timeout_seconds=1800)
async def summarise_group(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Read the orders of these branches and summarise each branch in a task of its own."""
    orders = await read_orders(file, branches, since)
    futures = summarise_branch.map(orders)
    # Off the event loop, so that the other groups go on; a failed task raises here and fails the flow.
    return await asyncio.to_thread(futures.result)


async def summarise_in_parallel(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Summarise all branches, `GROUPS` subflows at a time, and show the progress in the UI."""
    groups = [branches[start::GROUPS] for start in range(min(GROUPS, len(branches)))]
    progress = await acreate_progress_artifact(progress=0.0, description="Branches summarised")
    summaries: list[Summary] = []

    async def run(group: list[str]) -> None:
        summaries.extend(await summarise_group(file, group, since))
        await aupdate_progress_artifact(progress, progress=100 * len(summaries) / len(branches))

    await asyncio.gather(*map(run, groups))
    return sorted(summaries, key=lambda summary: summary.branch)
