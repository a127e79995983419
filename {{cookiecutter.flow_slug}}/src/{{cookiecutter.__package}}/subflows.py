"""Parallel work: the branches in groups, each group a subflow."""

import asyncio
from datetime import date
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.utilities.annotations import opaque

from {{ cookiecutter.__package }}.tasks import Summary, read_orders, summarise_branches

# Subflows that run together. More of them queue for the database of a server on SQLite: 2 take two
# seconds, 20 over a minute. The tasks of a group have no such limit; each takes a batch of its branches.
GROUPS, BATCHES = 2, 8


@flow(timeout_seconds=1800)
async def summarise_group(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Read the orders of these branches and summarise them in parallel tasks."""
    orders = await read_orders(file, branches, since)
    futures = summarise_branches.map([opaque(orders[i::BATCHES]) for i in range(min(BATCHES, len(orders)))])
    # Off the event loop, so that the other groups go on; a failed task raises here and fails the flow.
    return [row for rows in await asyncio.to_thread(futures.result) for row in rows]


async def summarise_in_parallel(file: Path, branches: list[str], since: date | None) -> list[Summary]:
    """Summarise all branches, `GROUPS` subflows at a time, and show the progress in the UI."""
    groups = [branches[i::GROUPS] for i in range(min(GROUPS, len(branches)))]
    progress = await acreate_progress_artifact(progress=0.0, description="Branches summarised")
    summaries: list[Summary] = []
    for group in asyncio.as_completed([summarise_group(file, branches, since) for branches in groups]):
        summaries += await group
        await aupdate_progress_artifact(progress, progress=100 * len(summaries) / len(branches))
    return sorted(summaries, key=lambda summary: summary.branch)
