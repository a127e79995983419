"""The end-to-end test deploys the shape of production with values of its own."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from flow_ops.deployment import Deployments, Environment, FolderSource, GitSource, Limits, Notification
from flow_ops.messages import FlowOpsError
from flow_ops.testing.rehearsal import Rehearsal
from helpers.repositories import make_repository
from helpers.workshop import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLOW = "src/ventas_diarias/nightly.py:nightly"
NIGHTLY = """
from datetime import date
from prefect import flow

@flow(name="nightly", timeout_seconds=60)
def nightly(day: date, erp: str = "http://erp.example.com"):
    pass
"""
PRODUCTION = Environment(
    work_pool="pool-prod",
    schedule="0 6 * * *",
    parameters={"day": date(2026, 1, 1), "erp": "http://erp.example.com"},
    env={"FLOW_DATABASE_URL": "postgresql://erp.example.com/sales"},
    image="registry.example.com/nightly:1",
    job_variables={"working_dir": "C:/erp"},
    task_runner="dask:tcp://dask.example.com:8786",
    source=GitSource(
        "https://git.example.com/nightly.git", branch="release", commit="a" * 40, credentials_block="t"
    ),
)
PINS = Deployments(
    flows={FLOW: {"dev": Environment(work_pool="pool-dev"), "prod": PRODUCTION}},
    source=FolderSource("C:/flows/nightly"),
    timezone="America/Argentina/Buenos_Aires",
    limits=Limits(),
    notification=Notification("webhook/operations"),
)


@pytest.fixture(autouse=True)
def _nightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ventas_diarias"]:
        monkeypatch.delitem(sys.modules, name)  # of another test's repository
    root = make_repository(tmp_path)
    (root / "src" / "ventas_diarias" / "nightly.py").write_text(NIGHTLY, encoding="utf-8")
    with inside(root):
        yield


def rehearsed(**values: object) -> Deployments:
    return Rehearsal("prod", "/tmp/copy", "file:///tmp/remote.git", **values).pins(PINS)  # type: ignore[arg-type]  # noqa: S108


def test_pool_schedule_limits_and_zone_are_those_of_production() -> None:
    pins = rehearsed(parameters={"day": "2026-03-02"})
    environment = pins.flows[FLOW]["prod"]
    assert (environment.work_pool, environment.schedule) == ("pool-prod", "0 6 * * *")
    assert (pins.limits, pins.timezone) == (PINS.limits, PINS.timezone)


def test_nothing_that_production_names_is_left() -> None:
    pins = rehearsed(parameters={"day": "2026-03-02"})
    assert "example.com" not in str(pins)
    assert "C:/" not in str(pins)
    assert pins.notification is None


def test_the_values_are_those_of_the_test() -> None:
    environment = rehearsed(env={"A": "1"}, parameters={"day": "2026-03-02", "of_another_flow": 1}).flows[
        FLOW
    ]["prod"]
    assert environment.env == {"A": "1"}
    assert environment.parameters == {"day": "2026-03-02"}


def test_a_parameter_without_a_value_is_named_with_where_to_give_one() -> None:
    with pytest.raises(FlowOpsError, match=r"FT-TEST-07.*day[\s\S]*e2e_values"):
        rehearsed()
