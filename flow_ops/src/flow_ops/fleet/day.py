"""The runs of a day, hour by hour, of each pool: those that began, and those that the schedules still bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

from prefect.client.schemas.objects import FlowRun

from flow_ops.deploy import schedules
from flow_ops.fleet.rows import Fleet, Row

_HOURS = 24
# A run each minute, for a day.
_MOST = 24 * 60


@dataclass
class Day:
    """How many runs of a pool began in each local hour, and how many are still to come in it."""

    pool: str
    began: list[int] = field(default_factory=lambda: [0] * _HOURS)
    coming: list[int] = field(default_factory=lambda: [0] * _HOURS)

    @property
    def totals(self) -> list[int]:
        return [one + other for one, other in zip(self.began, self.coming, strict=True)]

    @property
    def busiest(self) -> int:
        """The hour with most runs, the first of several."""
        return self.totals.index(max(self.totals))


def midnight(fleet: Fleet) -> datetime:
    """Return when the day of the fleet began, in its zone."""
    return datetime.combine(fleet.at.astimezone(fleet.zone).date(), time(), fleet.zone)


def of(fleet: Fleet, rows: Sequence[Row], began: Mapping[UUID, Sequence[FlowRun]]) -> list[Day]:
    """Return the day of each pool, in the order of their names."""
    tomorrow = datetime.combine(midnight(fleet).date() + timedelta(days=1), time(), fleet.zone)
    days: dict[str, Day] = {}
    for row in rows:
        if row.pool is None:
            continue
        day = days.setdefault(row.pool, Day(row.pool))
        for run in began.get(row.id, ()):
            if run.start_time:
                day.began[run.start_time.astimezone(fleet.zone).hour] += 1
        for moment in schedules.next_runs(row.active_schedules, _MOST, fleet.at, tomorrow):
            if moment < tomorrow:
                day.coming[moment.astimezone(fleet.zone).hour] += 1
    return [days[pool] for pool in sorted(days)]
