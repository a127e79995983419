"""Parallel work: the branches, in groups, each group a subflow."""

import asyncio
from datetime import date
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from {{ cookiecutter.__package }}.models import BranchSummary
from {{ cookiecutter.__package }}.tasks import read_orders, summarise_branch

# Subflows at a time. More of them wait for each other on a server with SQLite (20 took over a minute,
# 2 take two seconds); a group's own branches run as tasks, which have no such limit.
PARALLEL_GROUPS = 2


@flow(name="summarise-branches", description="Summarises a group of branches.", timeout_seconds=1800)
async def summarise_branches(file: Path, branches: list[str], since: date | None) -> list[BranchSummary]:
    """Read the orders of these branches and summarise each branch in a task of its own."""
    orders = await read_orders(file, branches, since)
    summaries = summarise_branch.map(orders)
    # Off the event loop, so that the other groups go on; a failed task raises here.
    return await asyncio.to_thread(summaries.result)


async def summarise_in_parallel(file: Path, branches: list[str], since: date | None) -> list[BranchSummary]:
    """Share the branches out among the groups, run them together and show the progress in the UI."""
    groups = [group for start in range(PARALLEL_GROUPS) if (group := branches[start::PARALLEL_GROUPS])]
    progress = await acreate_progress_artifact(progress=0.0, description="Branches summarised")
    done: list[BranchSummary] = []

    async def run(group: list[str]) -> None:
        done.extend(await summarise_branches(file, group, since))
        await aupdate_progress_artifact(artifact_id=progress, progress=100 * len(done) / len(branches))

    await asyncio.gather(*(run(group) for group in groups))
    return sorted(done, key=lambda summary: summary.branch)
