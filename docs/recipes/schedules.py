"""Schedules by cron and by interval, in local time, and the runs that the server makes of them.

    uv run docs/recipes/schedules.py

Prints:

    30 1,13,17 * * *: 01:30 13:30 17:30
    every 8 hours from 06:00: 06:00 14:00 22:00
"""

import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from prefect import flow, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.schedules import Cron, Interval, Schedule

ZONE = "America/Argentina/Buenos_Aires"
SCHEDULES = {
    "30 1,13,17 * * *": Cron("30 1,13,17 * * *", timezone=ZONE),
    "every 8 hours from 06:00": Interval(
        timedelta(hours=8), anchor_date=datetime(2026, 1, 1, 6, tzinfo=ZoneInfo(ZONE)), timezone=ZONE
    ),
}


def local_hours(name: str, schedule: Schedule) -> str:
    """Deploy with `schedule` and return the local hours of the first three runs."""
    deployment_id = flow.from_source(source=Path(__file__).parent, entrypoint="hello.py:hello").deploy(
        name=name,
        work_pool_name="pool-dev",
        schedules=[schedule],
        ignore_warnings=True,
        print_next_steps=False,
    )
    this = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    with get_client(sync_client=True) as client:
        # The server's scheduler makes them, within seconds.
        while len(runs := client.read_flow_runs(deployment_filter=this)) < 3:
            time.sleep(0.5)
    times = sorted(run.expected_start_time for run in runs)[:3]
    return " ".join(sorted(f"{moment.astimezone(ZoneInfo(ZONE)):%H:%M}" for moment in times))


if __name__ == "__main__":
    hours = [local_hours(f"schedule-{number}", each) for number, each in enumerate(SCHEDULES.values())]
    for text, times in zip(SCHEDULES, hours, strict=True):
        print(f"{text}: {times}")
