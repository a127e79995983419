"""The fleet on a terminal, and as data for other programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from flow_ops.deploy import report, schedules, source
from flow_ops.deploy.pins import GitSource
from flow_ops.fleet import cells, problems
from flow_ops.fleet.rows import Fleet, Row
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text

# What all columns take, and those that a narrower terminal has room for: state, deployment, last run, last runs.
_WIDTH = 250
_FIRST = (0, 2, 8, 9)


def show(fleet: Fleet, shown: Sequence[Row]) -> None:
    """Print a line for each deployment, then each kind of problem once, then how many there are."""
    if shown:
        marks, rows = [cells.mark(row) for row in shown], [cells.cells(row, fleet) for row in shown]
        columns = cells.columns()
        if narrow := sys.stdout.isatty() and Console().width < _WIDTH:
            columns, *rows = [[row[number] for number in _FIRST] for row in (columns, *rows)]
        report.table(columns, rows, marks)
        if narrow:
            report.line(text("fleet.narrow"))
    for code, what, rest in cells.grouped(shown):
        for said in what:
            report.line(f"{code}  {said}")
        for said in rest:
            report.line(f"  {said}")
    report.problems(fleet.notes)
    report.line(cells.sums(fleet, shown))


def document(fleet: Fleet, shown: Sequence[Row]) -> dict[str, Any]:
    return {
        "server": fleet.server,
        "at": fleet.at.isoformat(),
        "newest_flow_ops": str(fleet.newest),
        "deployments": [_row(row) for row in shown],
        "notes": [_problem(note) for note in fleet.notes],
    }


def _row(row: Row) -> dict[str, Any]:
    last = row.last
    return {
        "deployment": row.name,
        "repository": row.repository,
        "area": row.area,
        "environment": row.environment,
        "work_pool": row.pool,
        "work_pool_exists": row.workers is not None,
        "workers_online": row.workers,
        "schedules": [
            {"schedule": schedules.written(one["timing"]), "active": one["active"]} for one in row.schedules
        ],
        "paused": row.paused,
        "next_run": row.next_run.isoformat() if row.next_run else None,
        "last_run": {"name": last.name, "state": last.state_name, "end": last.end} if last else None,
        "last_runs": {"total": len(row.runs), "completed": row.completed, "bar": cells.bar(row)},
        "running": len(row.going),
        "late": row.late,
        "flow_ops": str(row.flow_ops) if row.flow_ops else None,
        "watchdog_missing": row.unwatched,
        "commit": row.commit,
        "pinned": {"commit": row.pin.commit, "since": row.pin.since.isoformat()} if row.pin else None,
        "lock": row.lock,
        "source": without_credentials(source.place(row.source)) if row.source else None,
        "from_git": isinstance(row.source, GitSource),
        "needs_a_person": problems.needs_a_person(row),
        "problems": [_problem(problem) for problem in row.problems],
    }


def _problem(problem: FlowOpsError) -> dict[str, Any]:
    return {"code": problem.code, "text": str(problem)}
