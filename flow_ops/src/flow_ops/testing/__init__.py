"""Tests of a flow repository: `pytest_plugins = ["flow_ops.testing"]` in `tests/conftest.py` turns them on.

The plugins themselves are `isolation`, and `plugin`: a Prefect server, fixtures. Here is what tests call.

PYTEST_DONT_REWRITE, as there is no `assert` here: pytest would warn, and a repository makes errors of warnings, where
`conftest.py` imports `EndToEndValues` before pytest turns the plugins on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from flow_ops.deploy.pins import Deployments, Schedule

__all__ = ["EndToEndValues", "deployments", "next_local_runs"]

# pytest turns on the plugins that a plugin names, in this order: the second imports Prefect.
pytest_plugins = ["flow_ops.testing.isolation", "flow_ops.testing.plugin"]


@dataclass
class EndToEndValues:
    """What the flow of the end-to-end test works with, in place of what `deploy.py` says of `prod`.

    Attributes:
        env: Environment variables of its run.
        parameters: Values of its parameters, by name.
        variables: Prefect Variables of the test's server, by name.
        secrets: Secret blocks of the test's server, by name.
    """

    env: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


def deployments() -> Deployments:
    """Return the `DEPLOYMENTS` of this repository's `deploy.py`, as `pins.read`."""
    from flow_ops.deploy import pins  # noqa: PLC0415 - Prefect, which is not isolated yet when this file is read

    return pins.read()


def next_local_runs(schedule: Schedule, timezone: str, *, after: datetime, count: int = 3) -> list[datetime]:
    """Return the first `count` moments at which `schedule` fires after `after`, in the time of `timezone`.

    They are computed by the code of Prefect's scheduler. `after` without a zone is in that of `timezone`.
    """
    from flow_ops.deploy import schedules  # noqa: PLC0415 - Prefect, which is not isolated yet when this file is read

    zone = ZoneInfo(timezone)
    start = after if after.tzinfo else after.replace(tzinfo=zone)
    timing = {"timing": schedules.plain(schedule, timezone), "active": True}
    return [moment.astimezone(zone) for moment in schedules.next_runs([timing], count, start)]
