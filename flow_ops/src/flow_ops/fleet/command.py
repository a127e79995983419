"""The command `flow-ops fleet`."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from flow_ops.deploy import report, schedules, server, source
from flow_ops.deploy.pins import GitSource
from flow_ops.fleet import cells, day, page, problems
from flow_ops.fleet.gather import gather, runs_since
from flow_ops.fleet.rows import Fleet, Row, is_outdated
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, nearest, text
from flow_ops.screen import COLOURS, line

# The exit status of `--check` where a person is needed.
NEEDED = 2
# What all columns take, and those that a narrower terminal has room for: state, deployment, last run, last runs.
_WIDTH = 250
_FIRST = (0, 2, 8, 9)


def fleet(
    *,
    area: Annotated[str | None, Parameter(help="@fleet.area")] = None,
    environment: Annotated[str | None, Parameter(help="@fleet.environment")] = None,
    outdated: Annotated[bool, Parameter(help="@fleet.outdated")] = False,
    failing: Annotated[bool, Parameter(help="@fleet.failing")] = False,
    json: Annotated[bool, Parameter(help="@deploy.json")] = False,
    html: Annotated[Path | None, Parameter(help="@fleet.html")] = None,
    check: Annotated[bool, Parameter(help="@fleet.check")] = False,
) -> int:
    """Show every deployment of the server; return 2 where `check` is asked for and a person is needed."""
    with server.connect() as client:
        found = gather(client)
        shown = [
            row
            for row in _of(found, area, environment)
            if (not outdated or is_outdated(row, found.newest)) and (not failing or cells.is_failing(row))
        ]
        began = runs_since(client, shown, day.midnight(found)) if html and shown else {}
    if html:
        _write(html, page.render(found, shown, day.of(found, shown, began)))
        # Standard output is the document's, where one is asked for.
        line(text("fleet.written", file=html), sys.stderr if json else None)
    if json:
        report.as_json(_document(found, shown))
    elif not html:
        _show(found, shown)
    return NEEDED if check and any(problems.needs_a_person(row) for row in shown) else 0


def _show(fleet: Fleet, shown: Sequence[Row]) -> None:
    """Print a line for each deployment, then each kind of problem once, then how many there are."""
    if shown:
        marks, rows = [cells.mark(row) for row in shown], [cells.cells(row, fleet) for row in shown]
        columns = cells.columns()
        if narrow := sys.stdout.isatty() and Console().width < _WIDTH:
            columns, *rows = [[row[number] for number in _FIRST] for row in (columns, *rows)]
        report.table(columns, rows, marks)
        if narrow:
            line(text("fleet.narrow"))
    for code, what, rest in cells.grouped(shown):
        colour = COLOURS["bad" if code in problems.NEEDS_A_PERSON else "note"]
        for said in what:
            line(f"{code}  {said}", style=colour)
        for said in rest:
            line(f"  {said}", style=colour)
    report.problems(fleet.notes)
    line(cells.sums(fleet, shown))


def _document(fleet: Fleet, shown: Sequence[Row]) -> dict[str, Any]:
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
        "last_run": {"name": last.name, "state": last.state_name, "end": last.end_time} if last else None,
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


def _of(fleet: Fleet, area: str | None, environment: str | None) -> list[Row]:
    """Return the rows of an area and an environment; raise FT-FLEET-14 for one that no deployment has."""
    for option, given in (("area", area), ("environment", environment)):
        known = sorted({getattr(row, option) for row in fleet.rows})
        if given is not None and given not in known:
            near = nearest(given, known)
            raise FlowOpsError(
                "FT-FLEET-14", option=f"--{option}", value=given, near=near, known=", ".join(known)
            )
    return [row for row in fleet.rows if area in (None, row.area) and environment in (None, row.environment)]


def _write(file: Path, content: str) -> None:
    """Write a page, or through a pipe or device that is there; what a link leads to is written, the link stays."""
    file = file.resolve()
    # Beside it first: the page that is there is kept where this one cannot be written whole.
    made = file.with_name(f".{file.name}.new")
    try:
        if file.exists() and not file.is_file():
            file.write_text(content, encoding="utf-8")
            return
        made.write_text(content, encoding="utf-8")
        if file.exists():
            shutil.copymode(file, made)
        made.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            made.unlink(missing_ok=True)
        raise FlowOpsError("FT-FLEET-15", file=file, reason=error.strerror or error) from None
