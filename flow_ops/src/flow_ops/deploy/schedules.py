"""Schedules: those of the file against those of the server, and the local times at which they fire."""

from __future__ import annotations

import asyncio
import calendar
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from cron_descriptor import ExpressionDescriptor, FormatError, Options
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import IntervalSchedule as ClientIntervalSchedule
from prefect.server.schemas.schedules import SCHEDULE_TYPES
from pydantic import TypeAdapter

from flow_ops import project
from flow_ops.deploy.pins import Schedule
from flow_ops.messages import language, text

# How the slug of a schedule of the file begins, which Prefect's UI shows beside it, and that of one made there
# that `apply --adopt` kept; whatever has neither, and is not in the file, was made by hand. A slug says nothing
# of the cron: it has to outlive a change of it.
FROM_FILE = "deploy-py-"
ADOPTED = "adopted-"
OURS = (FROM_FILE, ADOPTED)

# Intervals count from this local midnight. Prefect's default, the moment of deployment, would be a difference
# every time.
ANCHOR = "2024-01-01T00:00:00"

Plain = dict[str, Any]

_ON_SERVER: TypeAdapter[SCHEDULE_TYPES] = TypeAdapter(SCHEDULE_TYPES)
_UNIVERSAL = {"UTC", "UCT", "GMT", "GMT0", "GMT+0", "GMT-0", "ZULU", "UNIVERSAL", "GREENWICH"}
_NAMES = (*calendar.day_name, *calendar.month_name[1:])


def plain(schedule: Schedule, zone: str) -> Plain:
    """Return the timing of a schedule of the file, as the server stores it."""
    if isinstance(schedule, timedelta):
        anchor = datetime.fromisoformat(ANCHOR).replace(tzinfo=ZoneInfo(zone))
        return {"interval": schedule.total_seconds(), "anchor_date": _utc(anchor), "timezone": zone}
    return {"cron": " ".join(schedule.split()), "timezone": zone, "day_or": True}


def read(schedule: DeploymentSchedule) -> Plain:
    """Return one of the server's schedules as plain data."""
    timing = schedule.schedule.model_dump(mode="json")
    if isinstance(schedule.schedule, ClientIntervalSchedule):
        timing["interval"] = schedule.schedule.interval.total_seconds()
        timing["anchor_date"] = _utc(schedule.schedule.anchor_date)
    return {
        "timing": timing,
        "active": schedule.active,
        "slug": schedule.slug,
        "parameters": schedule.parameters or {},
    }


def reconcile(
    wanted: Sequence[Plain], existing: Sequence[Plain], *, active: bool
) -> tuple[list[Plain], list[Plain]]:
    """Return the schedules that the server shall have, and those that it has and nobody wrote in the file.

    Args:
        wanted: The timings of the file.
        existing: The server's schedules.
        active: Whether the file wants its schedules to run. One that is paused on the server stays paused.
    """
    left = list(existing)
    schedules = []
    for number, timing in enumerate(wanted, start=1):
        slug = f"{FROM_FILE}{number}"
        match = next((s for s in left if s["timing"] == timing), None) or next(
            (s for s in left if s["slug"] == slug and s["timing"] not in wanted), None
        )
        if match:
            left.remove(match)
        runs = active and (match is None or match["active"])
        schedules.append({"timing": timing, "active": runs, "slug": slug, "parameters": {}})
    adopted = [s for s in left if is_adopted(s)]
    by_hand = [s for s in left if not (s["slug"] or "").startswith(OURS)]
    return schedules + adopted, by_hand


def is_adopted(schedule: Plain) -> bool:
    """Return whether a schedule was made by hand and then kept with `apply --adopt`."""
    return (schedule["slug"] or "").startswith(ADOPTED)


def adopt(by_hand: Sequence[Plain], adopted: int) -> list[Plain]:
    """Return schedules made by hand with the slug that later plans know them by; `adopted` are so already."""
    return [{**s, "slug": f"{ADOPTED}{number}"} for number, s in enumerate(by_hand, start=adopted + 1)]


def is_universal(zone: str) -> bool:
    """Return whether a zone is the universal time, by whatever of its names."""
    return zone.rpartition("/")[2].upper() in _UNIVERSAL


def written(timing: Plain) -> str:
    """Return a timing as it is written, for programs too, with its zone: `0 6 * * 1-5 (Europe/Madrid)`."""
    every = timing.get("cron") or timing.get("rrule") or f"every {timedelta(seconds=timing['interval'])}"
    return f"{every} ({zone_of(timing)})"


def said(timing: Plain) -> str:
    """Return a timing as `written`, for people: an interval in the user's language."""
    return f"{_every(timing)} ({zone_of(timing)})"


def describe(timing: Plain) -> str:
    """Return a timing in words for people, with its zone where that is not the repository's."""
    every, zone = _every(timing), zone_of(timing)
    if "cron" in timing:
        every = f"{every}  {in_words(every)}".rstrip()
    return every if zone == project.current().timezone else f"{every} ({zone})"


def _every(timing: Plain) -> str:
    if "interval" in timing:
        return text("times.every", interval=timedelta(seconds=timing["interval"]))
    return str(timing.get("cron") or timing["rrule"])


def zone_of(timing: Plain) -> str:
    return str(timing.get("timezone") or "UTC")


def in_words(cron: str) -> str:
    """Return what a cron expression means in the user's language; empty where that cannot be said.

    The days come first, then the hours, as where the template asks for a schedule.
    """
    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = {"es": "es_ES", "en": "en_US"}[language()]
    try:
        said = str(ExpressionDescriptor(cron, options).get_description())
    except FormatError:
        return ""
    # The library takes the names of days and months from the machine, which may have English alone.
    for english, ours in zip(_NAMES, text("times.names").split(), strict=True):
        said = said.replace(english, ours)
    said = (said[0].lower() + said[1:]).replace(text("times.only"), text("times.each"))
    hours = rf"{text('times.at')} [\d:, ]+(?:{text('times.and')} [\d:]+)?"
    if parts := re.fullmatch(rf"({hours})(?:, ([^,]+))?", said):
        said = f"{parts[2] or text('times.daily')} {parts[1]}"
    return said


def next_runs(
    schedules: Sequence[Plain], count: int, start: datetime | None = None, end: datetime | None = None
) -> list[datetime]:
    """Return the first `count` moments, in UTC, at which the active ones fire after `start` (now), until `end`.

    They are computed by the code that Prefect's scheduler runs, so that daylight saving cannot tell them apart.
    """
    start = start or datetime.now(UTC)
    limit = {"end": end} if end else {}
    moments: set[datetime] = set()
    for schedule in schedules:
        if schedule["active"]:
            dates = _ON_SERVER.validate_python(schedule["timing"]).get_dates(n=count, start=start, **limit)
            # The server takes a cron that never fires (February 31), and Prefect raises where it looks for its dates.
            with contextlib.suppress(ValueError):
                moments |= {datetime.fromtimestamp(m.timestamp(), UTC) for m in asyncio.run(dates)}
    return sorted(moments)[:count]


@dataclass(frozen=True)
class OddDay:
    """A day on which clocks change: the local hours at which a schedule fires on it, and a week before it."""

    day: date
    hours: frozenset[str]
    usual: frozenset[str]


def odd_day(timing: Plain, start: datetime) -> OddDay | None:
    """Return the first day within a year of `start` on which a change of clocks shifts or drops runs, or None.

    A run is dropped where a schedule that fires each hour, or more often, leaves out an hour that the clocks repeat;
    an hour that they skip has none to drop.

    Raises:
        ValueError: the timing is none.
    """
    zone = ZoneInfo(timing["timezone"])
    first = datetime.combine(start.astimezone(zone).date(), time(), zone)
    days = [first + timedelta(days=number) for number in range(366)]  # local midnights
    for day, following in pairwise(days):
        if day.utcoffset() == following.utcoffset():
            continue
        here, usual = _day(timing, day), _day(timing, day - timedelta(days=7))
        odd = OddDay(day.date(), _hours(here, zone), _hours(usual, zone))
        hour = timedelta(hours=1)
        if odd.hours - odd.usual or _longest_gap(usual) <= hour < _longest_gap(here):
            return odd
    return None


def _day(timing: Plain, midnight: datetime) -> list[datetime]:
    """Return the moments, in UTC, at which a timing fires on a local day."""
    end = (midnight + timedelta(days=1)).astimezone(UTC) - timedelta(seconds=1)
    schedule = {"timing": timing, "active": True}
    return next_runs([schedule], 24 * 60 + 60, midnight.astimezone(UTC) - timedelta(seconds=1), end)


def _hours(moments: Sequence[datetime], zone: ZoneInfo) -> frozenset[str]:
    return frozenset(f"{moment.astimezone(zone):%H:%M}" for moment in moments)


def _longest_gap(moments: Sequence[datetime]) -> timedelta:
    return max((after - before for before, after in pairwise(moments)), default=timedelta.max)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
