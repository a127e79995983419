"""What `deploy.py` prints, in the repository's language: for people, and as JSON for other programs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from prefect.client.schemas.objects import FlowRun, Log
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.responses import DeploymentResponse
from prefect.utilities.urls import url_for

from flow_ops import messages, project
from flow_ops.deploy import checks, schedules
from flow_ops.deploy.planning import Plan, Status
from flow_ops.deploy.state import State, shown
from flow_ops.messages import FlowOpsError


def say(es: str, en: str) -> str:
    """Return the text in the repository's language."""
    return es if messages.language() == "es" else en


def line(text: str = "", stream: TextIO | None = None) -> None:
    """Print a line at once: a program that reads this one follows a run as it happens."""
    print(text, file=stream or sys.stdout, flush=True)


def as_json(document: Any) -> None:
    """Print a document for other programs."""
    line(json.dumps(document, indent=2, default=str))


def problems(found: Iterable[FlowOpsError]) -> None:
    """Print problems and warnings where errors go."""
    for problem in found:
        line(str(problem), sys.stderr)


def problem_document(found: Iterable[FlowOpsError]) -> dict[str, Any]:
    """Return problems as data."""
    return {"problems": [{"code": p.code, "stops": checks.stops(p), "text": str(p)} for p in found]}


# --- the commands


def plan(made: Plan) -> None:
    """Print one plan: what differs, and when it would run next."""
    line(made.target.full_name)
    if made.server is None:
        line(say("  No está en el servidor: se crearía.", "  Not on the server: it would be created."))
        rows = [(key, shown(_readable(key, value))) for key, value in made.file.items()]
        table([say("campo", "field"), say("archivo", "file")], rows)
    elif made.differences:
        headers = [say("campo", "field"), say("servidor", "server"), say("archivo", "file")]
        changes = [
            (d.field, shown(_readable(d.field, d.server)), shown(_readable(d.field, d.file)))
            for d in made.differences
        ]
        table(headers, changes)
    for change in made.watchdog:
        line(f"  {change}")
    if not made.changes:
        line(say("  Sin diferencias.", "  No differences."))
    _next_runs(made)


def plan_document(made: Plan) -> dict[str, Any]:
    """Return one plan as data."""
    return {
        "deployment": made.target.full_name,
        "exists": made.server is not None,
        "differences": [{"field": d.field, "server": d.server, "file": d.file} for d in made.differences],
        "watchdog": made.watchdog,
        "schedules_by_hand": [schedules.describe(one["timing"]) for one in made.by_hand],
        "next_runs": [{"local": local(moment), "utc": _utc(moment)} for moment in made.next_runs],
    }


def applied(made: Plan, deployment: DeploymentResponse) -> None:
    """Print that a deployment is what the file says, and where to see it."""
    done = (
        say("escrito y comprobado", "written and proven") if made.changes else say("ya estaba", "as it was")
    )
    line(f"{made.target.full_name}: {done}")
    if link := url_for("deployment", obj_id=deployment.id):
        line(f"  {link}")


def first_run(run: FlowRun | None) -> None:
    """Print when the scheduler will start the first run."""
    if run and run.expected_start_time:
        when = local(run.expected_start_time)
        line(say(f"  Primera ejecución programada: {when}", f"  First scheduled run: {when}"))


def started(run: FlowRun) -> None:
    """Print the name and the link of a run."""
    line(f"{run.name}  {url_for('flow-run', obj_id=run.id) or ''}".rstrip())


def run_state(state: RunState) -> None:
    """Print a state of a run."""
    line(f"{local_time(state.timestamp)} | {state.name}" + (f": {state.message}" if state.message else ""))


def log_record(record: Log, of: str) -> None:
    """Print a log record of a run, with the name of the task run or subflow's run that it is of."""
    text = f"{of} | {record.message}" if of else record.message
    line(f"{local_time(record.timestamp)} | {logging.getLevelName(record.level):7} | {text}")


def status(rows: Sequence[Status]) -> None:
    """Print every deployment side by side."""
    headers = say(
        "despliegue,pool,workers,programación,próxima,últimas,versión",
        "deployment,pool,workers,schedule,next,last,version",
    ).split(",")
    table(headers, [list(_status_cells(row).values()) for row in rows])


def status_document(row: Status) -> dict[str, Any]:
    """Return one deployment's status as data."""
    return {
        "deployment": row.name,
        "exists": row.state is not None,
        "work_pool": row.pool,
        "work_pool_exists": row.workers is not None,
        "workers_online": row.workers,
        "schedules": [
            {"schedule": schedules.describe(one["timing"]), "active": one["active"]}
            for one in _schedules(row.state)
        ],
        "paused": bool(row.state and row.state["paused"]),
        "next_run": _utc(row.next_run) if row.next_run else None,
        "last_runs": [
            {"name": run.name, "state": run.state_name, "start": run.start_time} for run in row.last_runs
        ],
        "version": row.state["version"] if row.state else None,
        "watchdog": row.watchdog,
    }


def to_retire(name: str, *, coming: int, going: int) -> None:
    """Print what retiring a deployment would take away."""
    line(
        say(
            f"{name}: se pausa y se borra. Ejecuciones futuras que se borran: {coming}; en curso, que terminan solas: {going}.",
            f"{name}: to be paused and deleted. Future runs to be deleted: {coming}; in progress, which go on to their end: {going}.",
        )
    )


def not_there(name: str) -> None:
    """Print that a deployment was not on the server to begin with."""
    line(say(f"{name}: no está en el servidor.", f"{name}: not on the server."))


def retired(name: str) -> None:
    """Print that a deployment is gone."""
    line(say(f"{name}: retirado, con sus ejecuciones futuras.", f"{name}: retired, with its future runs."))


def checked(title: str, found: Sequence[FlowOpsError]) -> None:
    """Print the outcome of one group of checks."""
    bad = any(checks.stops(problem) for problem in found)
    mark = say("MAL", "BAD") if bad else say("AVISO", "NOTE") if found else "OK"
    line(f"[{mark}] {title}")
    for problem in found:
        line(str(problem))


# --- tables and times


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: drawn and wrapped on a terminal, plain columns where another program reads."""
    if sys.stdout.isatty():
        _drawn(headers, rows)
        return
    cells = [[" ".join(cell.split()) for cell in row] for row in [headers, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    for row in cells:
        line("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _drawn(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    # Imported here: rich comes with Prefect, and only terminals need it.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=box.SIMPLE_HEAD)
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def local(moment: datetime) -> str:
    """Return a moment in the pinned time zone, with its day: `vie 2026-11-20 13:30`."""
    there = moment.astimezone(project.current().zone)
    day = say("lun mar mié jue vie sáb dom", "Mon Tue Wed Thu Fri Sat Sun").split()[there.weekday()]
    return f"{day} {there:%Y-%m-%d %H:%M}"


def local_time(moment: datetime | None) -> str:
    """Return the time of day in the pinned time zone."""
    return f"{(moment or datetime.now(UTC)).astimezone(project.current().zone):%H:%M:%S}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _next_runs(made: Plan) -> None:
    if not made.next_runs:
        line(say("  Sin ejecuciones programadas.", "  No scheduled runs."))
        return
    line("  " + say("Próximas ejecuciones", "Next runs") + f" ({project.current().timezone})")
    for moment in made.next_runs:
        line(f"    {local(moment)}  ({_utc(moment)})")


def _readable(field: str, value: Any) -> Any:
    if field == "schedules":
        active, paused = say("activa", "active"), say("pausada", "paused")
        return "; ".join(
            f"{schedules.describe(one['timing'])} {active if one['active'] else paused}"
            for one in value or []
        )
    return value


def _schedules(state: State | None) -> list[State]:
    return state["schedules"] if state else []


def _status_cells(row: Status) -> dict[str, str]:
    state = row.state
    missing = say("no está", "not there")
    paused = say(" (pausado)", " (paused)") if state and state["paused"] else ""
    return {
        "deployment": row.name,
        "pool": row.pool if row.workers is not None else f"{row.pool} ({missing})",
        "workers": "-" if row.workers is None else str(row.workers),
        "schedule": (str(_readable("schedules", state["schedules"])) or "-") + paused if state else missing,
        "next": local(row.next_run) if row.next_run else "-",
        "last": ", ".join(run.state_name or "-" for run in row.last_runs) or "-",
        "version": (state["version"] or "-")[:8] if state else "-",
    }
