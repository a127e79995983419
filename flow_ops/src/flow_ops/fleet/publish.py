"""The fleet as a flow: it publishes what `flow-ops fleet` shows as the artifact `fleet` in Prefect's UI."""

from __future__ import annotations

from collections.abc import Iterator

from prefect import flow, get_client
from prefect.artifacts import create_markdown_artifact

from flow_ops import repository
from flow_ops.fleet import cells
from flow_ops.fleet.gather import gather
from flow_ops.fleet.rows import Fleet
from flow_ops.logs import get_logger, mask


def _name() -> str:
    # With the repository's name, as every repository on a server may have its own; the command needs none.
    here = repository.find()
    return f"{here.pyproject['project']['name']}-fleet" if here else "fleet"


@flow(name=_name(), timeout_seconds=600)
def report() -> dict[str, int]:
    """Publish every deployment of the server, those that need a person first; return how many need what."""
    with get_client(sync_client=True) as client:
        fleet = gather(client)
    said = cells.sums(fleet, fleet.rows)
    create_markdown_artifact(key="fleet", markdown=mask("\n".join(_markdown(fleet))), description=said)
    marks = [cells.mark(row) for row in fleet.rows]
    counts = {mark: marks.count(mark) for mark in ("bad", "note", "good")}
    logger = get_logger("fleet")
    logger.log(30 if counts["bad"] else 20, "%s", said)
    return counts


def _markdown(fleet: Fleet) -> Iterator[str]:
    yield f"{cells.sums(fleet, fleet.rows)}\n"
    yield _line(cells.columns())
    yield _line(["---"] * len(cells.columns()))
    yield from (_line(cells.cells(row, fleet)) for row in fleet.rows)
    for code, what, rest in cells.grouped(fleet.rows):
        yield f"\n**{code}**\n"
        yield from (f"- {said}" for said in what)
        yield ""
        yield from (f"{said}  " for said in rest)
    yield from (f"\n{note}" for note in fleet.notes)


def _line(said: list[str]) -> str:
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in said)} |"
