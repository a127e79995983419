"""What is shown of a deployment, in the user's language: the same words in the table, the page and the artifact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flow_ops.deploy import report, schedules
from flow_ops.fleet import problems
from flow_ops.fleet.rows import Fleet, Row, is_broken, is_completed, is_outdated
from flow_ops.logging.formats import visible
from flow_ops.messages import FlowOpsError, text

# In a bar of the last runs, the oldest first; any other state is a dot.
_COMPLETED, _BROKEN, _OTHER = "+", "x", "."


def columns() -> list[str]:
    return text("fleet.columns").split(",")


def cells(row: Row, fleet: Fleet) -> list[str]:
    return [
        text(f"doctor.{mark(row)}"),
        row.repository,
        row.name.partition("/")[2],
        row.area,
        row.environment,
        text("fleet.no-pool") if row.workers is None else f"{row.pool} ({row.workers})",
        _schedule(row),
        local(row.next_run, row) if row.next_run else "-",
        _last(row),
        f"{row.completed}/{len(row.runs)} {bar(row)}" if row.runs else "-",
        str(row.flow_ops or "?") + (f" < {fleet.newest}" if is_outdated(row, fleet.newest) else ""),
        _watchdog(row),
        _commit(row),
        {None: "?", "none": text("fleet.no-lock")}.get(row.lock, row.lock or "?"),
    ]


def mark(row: Row) -> str:
    """Return `bad` where a person is needed, `note` where there is something to know, `good` otherwise."""
    return "bad" if problems.needs_a_person(row) else "note" if row.problems else "good"


def is_failing(row: Row) -> bool:
    """Say whether its last run ended badly, or a run waits for a worker past its time."""
    return any(problem.code in ("FT-FLEET-03", "FT-FLEET-04") for problem in row.problems)


def bar(row: Row) -> str:
    """Return a sign for each of the last runs, the oldest first."""
    return "".join(
        _COMPLETED if is_completed(run) else _BROKEN if is_broken(run) else _OTHER
        for run in reversed(row.runs)
    )


def local(moment: datetime, row: Row) -> str:
    """Return a moment in the zone of the deployment's schedule."""
    return report.local(moment, ZoneInfo(row.zone))


def sums(fleet: Fleet, shown: Sequence[Row]) -> str:
    marks = [mark(row) for row in shown]
    return text(
        "fleet.sum",
        deployments=len(shown),
        repositories=len({row.repository for row in shown}),
        server=fleet.server,
        bad=marks.count("bad"),
        note=marks.count("note"),
    )


def grouped(shown: Sequence[Row]) -> list[tuple[str, list[str], list[str]]]:
    """Return each kind of problem once: its code, what it says of each deployment, and why and what to do."""
    found: dict[str, list[FlowOpsError]] = {}
    for row in shown:
        for problem in row.problems:
            found.setdefault(problem.code, []).append(problem)
    made = []
    for code in sorted(found, key=problems.order):
        said = [str(problem).splitlines() for problem in found[code]]
        what = dict.fromkeys(lines[0].removeprefix(code).strip() for lines in said)
        rest = dict.fromkeys(line.strip() for lines in said for line in lines[1:])
        made.append((code, list(what), list(rest)))
    return made


def _schedule(row: Row) -> str:
    said = "; ".join(
        schedules.said(one["timing"]) + ("" if one["active"] else f" ({text('status.paused')})")
        for one in row.schedules
    )
    return (said or "-") + (f" ({text('fleet.paused')})" if row.paused else "")


def _last(row: Row) -> str:
    running = [text("fleet.running", count=len(row.going))] if row.going else []
    late = [text("fleet.late", count=row.late)] if row.late else []
    ended = (
        [f"{visible(row.last.state_name or '-')} {local(row.last.end_time, row)}"]
        if row.last and row.last.end_time
        else []
    )
    return ", ".join([*ended, *running, *late]) or "-"


def _watchdog(row: Row) -> str:
    if row.unwatched:
        return text("fleet.watchdog-missing", count=len(row.unwatched))
    return "?" if row.unwatched is None else text("fleet.watchdog")


def _commit(row: Row) -> str:
    if row.pin:
        return f"{row.pin.commit[:8]} ({text('fleet.pinned', since=local(row.pin.since, row))})"
    return (row.commit or "-")[:8]
