"""What is wrong with a deployment as it stands on the server, and which of them needs a person first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.version import Version

from flow_ops.deploy import report, source
from flow_ops.deploy.pins import GitSource
from flow_ops.deploy.schedules import is_universal, said, zone_of
from flow_ops.fleet.rows import Row, is_broken, is_outdated
from flow_ops.hidden import without_credentials
from flow_ops.logging.formats import visible
from flow_ops.messages import FlowOpsError

# Those that need a person, the most urgent first; then those that are good to know.
NEEDS_A_PERSON = (
    *("FT-FLEET-01", "FT-FLEET-02", "FT-FLEET-03", "FT-FLEET-04"),
    *("FT-FLEET-05", "FT-FLEET-06", "FT-FLEET-07", "FT-FLEET-08"),
)
GOOD_TO_KNOW = ("FT-FLEET-09", "FT-FLEET-10", "FT-FLEET-11", "FT-FLEET-12")
# A release of flow-ops that turned out to break flows, and what it breaks; written here with the one that repairs it.
BREAKS: dict[str, str] = {}
_ORDER = (*NEEDS_A_PERSON, *GOOD_TO_KNOW)


def add(rows: Sequence[Row], newest: Version) -> None:
    """Note in each row what is wrong with it, the worst first."""
    for row in rows:
        found = [
            *_of_its_pool(row),
            *_of_its_runs(row),
            *_of_its_set_up(row, newest),
            *_of_its_name(row, rows),
        ]
        row.problems = sorted(found, key=lambda problem: order(problem.code))


def order(code: str) -> int:
    return _ORDER.index(code)


def needs_a_person(row: Row) -> bool:
    return any(problem.code in NEEDS_A_PERSON for problem in row.problems)


def urgency(row: Row) -> tuple[object, ...]:
    worst = order(row.problems[0].code) if row.problems else len(_ORDER)
    return worst, row.area, row.repository, row.environment != "prod", row.name


def _of_its_pool(row: Row) -> Iterator[FlowOpsError]:
    if row.workers is None:
        yield FlowOpsError("FT-FLEET-01", deployment=row.name, environment=row.environment)
    elif row.workers == 0 and (row.active_schedules or row.late):
        yield FlowOpsError("FT-FLEET-02", deployment=row.name, pool=row.pool)


def _of_its_runs(row: Row) -> Iterator[FlowOpsError]:
    if row.last and is_broken(row.last):
        yield FlowOpsError(
            "FT-FLEET-03", deployment=row.name, run=visible(row.last.name),
            state=visible(row.last.state_name or "-"), total=len(row.runs),
            good=row.completed, environment=f"{row.environment} --flow {row.name.partition('/')[0]}",
        )  # fmt: skip
    if row.late:
        yield FlowOpsError("FT-FLEET-04", deployment=row.name, count=row.late)


def _of_its_set_up(row: Row, newest: Version) -> Iterator[FlowOpsError]:
    name = {"deployment": row.name, "environment": row.environment}
    if reason := BREAKS.get(str(row.flow_ops)):
        yield FlowOpsError("FT-FLEET-05", **name, version=row.flow_ops, reason=reason)
    elif is_outdated(row, newest):
        yield FlowOpsError("FT-FLEET-09", **name, version=row.flow_ops or "?", newest=newest)
    if row.unwatched:
        yield FlowOpsError("FT-FLEET-07", **name, rules=", ".join(row.unwatched))
    for one in row.schedules:
        if is_universal(zone_of(one["timing"])):
            yield FlowOpsError("FT-FLEET-08", **name, schedule=said(one["timing"]))
    if row.paused:
        yield FlowOpsError("FT-FLEET-10", **name)
    if row.pin:
        since = f"{report.local(row.pin.since, row.pin.since.tzinfo)} UTC"
        yield FlowOpsError("FT-FLEET-11", **name, commit=row.pin.commit[:8], since=since)
    if row.lock == "none":
        yield FlowOpsError("FT-FLEET-12", **name)


def _of_its_name(row: Row, rows: Sequence[Row]) -> Iterator[FlowOpsError]:
    """Yield FT-FLEET-06 where the name is another repository's too, with another git address."""
    if not isinstance(row.source, GitSource):
        return
    namesakes = [each.source for each in rows if each.repository == row.repository]
    ours = [one.url for one in namesakes if isinstance(one, GitSource)]
    if not all(source.same_place(ours[0], other) for other in ours):
        places = ", ".join(sorted({without_credentials(url) for url in ours}))
        yield FlowOpsError("FT-FLEET-06", repository=row.repository, places=places)
