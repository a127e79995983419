"""What `deploy.py` prints, in the user's language: for people, and as JSON for other programs."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from prefect.client.schemas.objects import FlowRun, Log
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.responses import DeploymentResponse
from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from flow_ops import hidden, project, screen, ui, watchdog
from flow_ops.deploy import checks, schedules, source
from flow_ops.deploy.planning import Plan, Status
from flow_ops.deploy.rollback import Move, pinned
from flow_ops.deploy.state import State, held, shown
from flow_ops.deploy.targets import Target
from flow_ops.logging.formats import indented, visible
from flow_ops.messages import FlowOpsError, language, text, texts
from flow_ops.screen import COLOURS, line

# How many deployments are shown one by one; of more, only those that differ are named.
SHOWN_WHOLE = 5
# Seconds. What is over sooner is not said to be waited for.
_SOON = 1.0
# Fields that a plan shows in words of its own; the others are named, and shown with `--all`.
_IN_WORDS = {"work_pool", "schedules", "paused", "version", "pull_steps", "parameters", "entrypoint"}
_LABEL = 12
_STATE_COLOURS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CRASHED": "red",
    "CANCELLED": "yellow",
    "RUNNING": "cyan",
}


def as_json(document: Any) -> None:
    line(json.dumps(document, indent=2, default=str))


def problems(found: Iterable[FlowOpsError]) -> None:
    """Print problems and warnings where errors go."""
    for problem in found:
        screen.problem(problem, stops=checks.stops(problem))


# --- plan and apply


def are_many(made: Sequence[Plan], *, everything: bool) -> bool:
    return len(made) > SHOWN_WHOLE and not everything


def plans(made: Sequence[Plan], *, everything: bool) -> None:
    """Print what a person decides on; of many deployments only those that differ, a line each."""
    if are_many(made, everything=everything):
        for one in made:
            if one.changes:
                _heading(one)
        paused([(one.target, one.file) for one in made], many=True)
        return
    for one in made:
        _heading(one)
        for label, values in _rows(one):
            _labelled(label, values)
        if everything:
            _fields(one)


def sum_of(made: Sequence[Plan], found: Sequence[FlowOpsError]) -> None:
    """Print the last line of `plan`: how many would be created and changed, and that nothing was written."""
    if not made and any(checks.stops(problem) for problem in found):
        refused(found)
        return
    verdicts = [_verdict(one) for one in made]
    counts = {name: verdicts.count(name) for name in ("new", "changed", "same")}
    line(text("plan.sum", **counts))
    if any(checks.stops(problem) for problem in found):
        line(text("plan.stops"))


def refused(found: Sequence[FlowOpsError]) -> None:
    count = sum(checks.stops(problem) for problem in found)
    line(text("plan.refused", count=count))


def _verdict(made: Plan) -> str:
    return "new" if made.server is None else "changed" if made.changes else "same"


def _heading(made: Plan) -> None:
    line(f"{made.target.full_name}  {text(f'plan.{_verdict(made)}')}", style=COLOURS[_verdict(made)])


def _labelled(label: str, values: Sequence[str]) -> None:
    lines = [part for value in values for part in _wrapped(value)]
    for number, value in enumerate(lines):
        line(f"  {label if number == 0 else '':<{_LABEL}}{value}")


def _wrapped(value: str) -> list[str]:
    """Return `value` in lines that fit beside their label on a terminal; as it is where another program reads.

    A command at its end is one line, to be copied.
    """
    if not sys.stdout.isatty():
        return [value]
    said, uv, command = value.partition("uv run ")
    lines = textwrap.wrap(said, max(30, Console().width - _LABEL - 3), break_long_words=False)
    return [*lines, uv + command] if uv else lines or [""]


def _rows(made: Plan) -> Iterator[tuple[str, list[str]]]:
    """Yield label and lines of what a person decides on; where it differs, the server's before the file's."""
    server, file = made.server, made.file

    def change(before: str, now: str) -> str:
        return f"{before} -> {now}" if server and before != now else now

    workers = text("plan.no-pool") if made.workers is None else text("plan.workers", count=made.workers)
    pool = change(server["work_pool"] if server else "", file["work_pool"])
    yield text("plan.pool"), [f"{pool}, {workers}"]
    yield text("plan.schedule"), _schedule_lines(made)
    if made.next_runs:
        times = [f"{local(moment)} ({moment.astimezone(UTC):%H:%M} UTC)" for moment in made.next_runs]
        yield text("plan.next"), times
    version = change(_short(server["version"]) if server else "", _short(file["version"]))
    yield text("plan.code"), [f"{source.describe(made.target.source)}, {version}"]
    if pin := pinned(server):
        said = text("plan.pinned-to", commit=_short(pin.commit), since=local(pin.since))
        yield text("plan.pinned"), [said]
    before, now = (shown(hidden.hide("", each["parameters"])) if each else "" for each in (server, file))
    yield text("plan.parameters"), [change(before, now)]
    yield text("plan.watchdog"), [_watchdog(made)]
    others = [d.field for d in made.differences if d.field.partition(".")[0] not in _IN_WORDS]
    if server and others:
        known = texts(language())
        yield text("plan.other"), [", ".join(known.get(f"field.{name}", name) for name in others)]


def _schedule_lines(made: Plan) -> list[str]:
    wanted, existing = made.file["schedules"], made.server["schedules"] if made.server else []
    before, now = ([schedules.describe(one["timing"]) for one in each] for each in (existing, wanted))
    gone = [f"- {one}" for one in before if one not in now]
    if made.server:
        now = [one if one in before else f"+ {one}" for one in now]
    if any(one["active"] for one in wanted):
        paused = [one["timing"] for one in existing if not one["active"]]
        for number, one in enumerate(wanted):
            if not one["active"]:
                now[number] += f" ({text('status.paused')})"
            elif one["timing"] in paused:
                now[number] += f" ({text('plan.was-paused')})"
    return [*gone, *(now or [text("plan.no-schedule")]), *_held(made.target, made.file)]


def _held(target: Target, found: State) -> list[str]:
    """Return that a deployment or a schedule of it is paused, with the command that activates it; or nothing."""
    kind = held(target, found)
    return [text(f"plan.{kind}", environment=target.words)] if kind else []


def paused(found: Iterable[tuple[Target, State]], *, many: bool) -> None:
    """Print a line for each deployment that is paused; of many, for those that someone paused."""
    for target, state in found:
        if not (many and held(target, state) == "starts-paused"):
            for said in _held(target, state):
                line("\n  ".join(_wrapped(f"{target.name}: {said}")), style=COLOURS["note"])


def _watchdog(made: Plan) -> str:
    if not made.watchdog:
        without_notification = made.target.deployments.notification is None
        return text("plan.watchdog-same", count=len(watchdog.RULES) - without_notification)
    is_new = all(each.startswith("+") for each in made.watchdog)
    key = "plan.watchdog-new" if is_new else "plan.watchdog-changed"
    return text(key, count=len({each.split(":")[1] if ":" in each else each for each in made.watchdog}))


def _fields(made: Plan) -> None:
    """Print every field with its value, with both where they differ, Prefect's own too; and each rule of the watchdog."""
    differ = made.differences if made.server is not None else []
    if differ:
        headers = [text("plan.field"), text("plan.server"), text("plan.file")]
        both = ((d.field, _readable(d.field, d.server), _readable(d.field, d.file)) for d in differ)
        table(headers, [[field, shown(there), shown(here)] for field, there, here in both])
    told = {d.field.partition(".")[0] for d in differ}
    others = [(field, value) for field, value in made.file.items() if field not in told]
    headers = [text("plan.field"), text("plan.file") if made.server is None else text("plan.same")]
    table(headers, [[field, shown(_readable(field, value))] for field, value in others])
    for change in made.watchdog:
        line(f"  {change}")


def plans_as_json(made: Sequence[Plan], found: Iterable[FlowOpsError]) -> None:
    problems = [{"code": p.code, "stops": checks.stops(p), "text": str(p)} for p in found]
    as_json({"deployments": [_plan_document(one) for one in made], "problems": problems})


def _plan_document(made: Plan) -> dict[str, Any]:
    return {
        "deployment": made.target.full_name,
        "exists": made.server is not None,
        "differences": [
            {"field": d.field, "server": _hidden(d.field, d.server), "file": _hidden(d.field, d.file)}
            for d in made.differences
        ],
        "watchdog": made.watchdog,
        "pinned": _pin_document(made.server),
        "schedules_by_hand": [schedules.written(one["timing"]) for one in made.by_hand],
        "next_runs": [{"local": local(moment), "utc": _utc(moment)} for moment in made.next_runs],
    }


def applied(made: Plan, deployment: DeploymentResponse, *, many: bool) -> None:
    """Print that a deployment is what the file says, and its page; of many, those alone that were written."""
    if made.changes or not many:
        done = text("apply.written") if made.changes else text("apply.same")
        line(f"{made.target.full_name}: {done}", style=COLOURS["good"])
    if not many and (link := ui.page("deployment", deployment.id)):
        line(f"  {link}")


def sum_applied(made: Sequence[Plan]) -> None:
    """Print how many deployments were written: the last line where they are many."""
    written = sum(one.changes for one in made)
    line(text("apply.sum", written=written, same=len(made) - written))


def first_run(run: FlowRun | None) -> None:
    """Print when the scheduler will start the first run."""
    if run and run.expected_start_time:
        line("  " + text("apply.first-run", when=local(run.expected_start_time)))


@contextlib.contextmanager
def waiting(what: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal what is waited for, and for how long by now, if that is more than a moment.

    Yield what ends the wait before the block does. Lines that are printed meanwhile stand above the one that moves.
    """
    console = screen.console(sys.stdout)
    if not console.is_interactive:
        yield lambda: None
        return
    columns = (TextColumn("  "), SpinnerColumn("line"), TextColumn(what, markup=False), TimeElapsedColumn())
    moving = Progress(*columns, transient=True, console=console)
    moving.add_task("", total=None)
    timer = threading.Timer(_SOON, moving.start)
    timer.start()

    def end() -> None:
        timer.cancel()
        timer.join()  # It may be starting this very moment.
        moving.stop()

    try:
        yield end
    finally:
        end()


# --- run


def started(run: FlowRun) -> None:
    line(f"{run.name}  {ui.page('flow-run', run.id)}".rstrip())


def run_state(state: RunState) -> None:
    said = f"{state.name}: {state.message}" if state.message else str(state.name)
    said = f"{local_time(state.timestamp)} | {indented(said)}"
    line(said, style=_STATE_COLOURS.get(state.type.value, ""))


def log_record(record: Log, of: str) -> None:
    """Print a log record of a run, with the name of the task run or subflow's run that it is of."""
    said = f"{visible(of)} | {record.message}" if of else record.message
    line(f"{local_time(record.timestamp)} | {logging.getLevelName(record.level):7} | {indented(said)}")


def no_answer() -> None:
    line(f"{local_time(None)} | {text('run.no-answer')}", style=COLOURS["note"])


def answers_again() -> None:
    line(f"{local_time(None)} | {text('run.answers')}", style=COLOURS["good"])


# --- status, retire, doctor


def status(rows: Sequence[Status]) -> None:
    """Print every deployment: on a terminal one below the other, else a line for each."""
    columns, cells = text("status.columns").split(","), [_status_cells(row) for row in rows]
    if not sys.stdout.isatty():
        table(columns, cells)
    elif len(rows) > SHOWN_WHOLE:
        # What fits side by side: where each is, and its runs.
        table([columns[n] for n in (0, 4, 5, 6)], [[row[n] for n in (0, 4, 5, 6)] for row in cells])
    else:
        for row in cells:
            line(row[0], style="bold")
            for label, value in zip(columns[1:], row[1:], strict=True):
                if value != "-":
                    _labelled(label, [value])
    paused([(row.target, row.state) for row in rows if row.state], many=len(rows) > SHOWN_WHOLE)


def status_document(row: Status) -> dict[str, Any]:
    return {
        "deployment": row.target.full_name,
        "exists": row.state is not None,
        "work_pool": row.pool,
        "work_pool_exists": row.workers is not None,
        "workers_online": row.workers,
        "schedules": [
            {"schedule": schedules.written(one["timing"]), "active": one["active"]}
            for one in (row.state["schedules"] if row.state else [])
        ],
        "paused": bool(row.state and row.state["paused"]),
        "next_run": _utc(row.next_run) if row.next_run else None,
        "last_runs": [
            {"name": run.name, "state": run.state_name, "start": run.start_time} for run in row.last_runs
        ],
        "version": row.state["version"] if row.state else None,
        "pinned": _pin_document(row.state),
        "watchdog": row.watchdog,
    }


def _pin_document(found: State | None) -> dict[str, Any] | None:
    pin = pinned(found)
    return {"commit": pin.commit, "since": _utc(pin.since)} if pin else None


def rolled_back(move: Move) -> None:
    target = move.target
    name, environment = target.full_name, target.words
    commits = {"commit": _short(move.commit), "before": _short(move.before)}
    line(text("rollback.done", name=name, environment=environment, **commits), style=COLOURS["good"])


def checked(title: str, found: Sequence[FlowOpsError]) -> None:
    mark = "bad" if any(checks.stops(problem) for problem in found) else "note" if found else "good"
    line(f"[{text(f'doctor.{mark}')}] {title}", style=COLOURS[mark])
    for problem in found:
        screen.problem(problem, sys.stdout, stops=checks.stops(problem))


# --- tables and times


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = ()) -> None:
    """Print a table: wrapped to a terminal's width, a line for each row where another program reads.

    On a terminal a row has the colour of its mark, `bad`, `note` or `good`, where there are marks.
    """
    at_terminal = sys.stdout.isatty()
    drawn = Table(box=box.SIMPLE_HEAD if at_terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        drawn.add_column(header, overflow="fold")
    for number, row in enumerate(rows):
        style = COLOURS[marks[number]] if marks else None
        said = (Text(cell if at_terminal else " ".join(cell.split())) for cell in row)
        drawn.add_row(*said, style=style)
    console = screen.console(sys.stdout)
    if not at_terminal:
        console.width = 10_000
    console.print(drawn)


def local(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment in the pinned time zone, or in another, with its day: `vie 2026-11-20 13:30`."""
    there = moment.astimezone(zone or project.current().zone)
    return f"{text('times.days').split()[there.weekday()]} {there:%Y-%m-%d %H:%M}"


def local_time(moment: datetime | None) -> str:
    """Return the time of day in the pinned time zone; now without a moment."""
    return f"{(moment or datetime.now(UTC)).astimezone(project.current().zone):%H:%M:%S}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _short(version: str | None) -> str:
    return (version or "-")[:8]


def _readable(field: str, value: Any) -> Any:
    if field == "schedules":
        paused = f" ({text('status.paused')})"
        return "; ".join(
            schedules.describe(one["timing"]) + ("" if one["active"] else paused) for one in value or []
        )
    return _hidden(field, value)


def _hidden(field: str, value: Any) -> Any:
    return value if field == "parameter_schema" else hidden.hide(field.rpartition(".")[2], value)


def _status_cells(row: Status) -> list[str]:
    state, missing = row.state, text("status.not-there")
    found = state["schedules"] if state else []
    # Where each of its schedules is, they say so.
    says_so = found and not any(one["active"] for one in found)
    paused = f" ({text('status.paused')})" if state and state["paused"] and not says_so else ""
    pin = pinned(state)
    since = f" ({text('fleet.pinned', since=local(pin.since))})" if pin else ""
    return [
        row.target.name if state else f"{row.target.name} ({missing})",
        row.pool if row.workers is not None else f"{row.pool} ({missing})",
        "-" if row.workers is None else str(row.workers),
        (_readable("schedules", found) or "-") + paused,
        local(row.next_run) if row.next_run else "-",
        ", ".join(run.state_name or "-" for run in row.last_runs) or "-",
        (_short(state["version"]) if state else "-") + since,
    ]
