"""Parallel work: the branches in groups, each group a subflow."""

import asyncio
from datetime import date
from pathlib import Path

from flow_ops.task_runners import task_runner
from prefect import flow
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from {{ cookiecutter.__package }}.tasks import Summary, read_orders, summarise_branches

# Subflows at a time, as more would queue for SQLite on the server; and tasks in each of them.
GROUPS, BATCHES = 2, 8


@flow(timeout_seconds=1800)
async def summarise_group(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Read the orders of these branches and summarise them in parallel tasks."""
    orders = await read_orders(file, branches, since)
    futures = summarise_branches.map([orders[i::BATCHES] for i in range(min(BATCHES, len(orders)))])
    # Off the event loop, so that the other groups go on; a failed task raises here and fails the flow.
    return [row for rows in await asyncio.to_thread(futures.result) for row in rows]


async def summarise_in_parallel(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Summarise all branches, `GROUPS` subflows at a time, and show the progress in the UI."""
    groups = [branches[i::GROUPS] for i in range(min(GROUPS, len(branches)))]
    progress = await acreate_progress_artifact(progress=0.0, description="Branches summarised")
    summaries: list[Summary] = []
    summarise = summarise_group.with_options(task_runner=task_runner())
    for group in asyncio.as_completed([summarise(file, branches, since) for branches in groups]):
        summaries += await group
        await aupdate_progress_artifact(progress, progress=100 * len(summaries) / len(branches))
    return sorted(summaries, key=lambda summary: summary.branch)
