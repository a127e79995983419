"""What holds on SQLite holds on PostgreSQL: from plan to a run on a worker, on a server as teams have it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.actions import DeploymentUpdate

from flow_ops.deploy import server
from helpers import postgresql
from helpers.support import TEN_SUBFLOWS, prefect_worker, wait_until
from helpers.workshop import (
    FULL_NAME,
    PASSWORD,
    SLUG,
    Workshop,
    deploy,
    inside,
    open_workshop,
    pointing_at,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing() or "-"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an empty database."""
    with postgresql.postgresql() as address:
        yield address


@pytest.fixture(scope="module")
def workshop(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A server on PostgreSQL, with the settings that the documentation gives."""
    folder = tmp_path_factory.mktemp("workshop")
    settings = {
        "PREFECT_API_DATABASE_CONNECTION_URL": address,
        # Prefect's own: with one second, a busy machine's scheduler may see the deployment a minute later.
        "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "5",
    }
    with (
        open_workshop(folder, **settings) as place,
        inside(place.root),
        pointing_at(place.server.url),
    ):
        yield place


def count(address: str, table: str) -> int:
    """Return how many rows a table of the server's has, asked of the database itself."""

    async def ask() -> Any:
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415

        connection = await asyncpg.connect(address.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        finally:
            await connection.close()

    return int(asyncio.run(ask()))


def test_a_deployment_goes_from_plan_to_a_completed_run_and_back(
    workshop: Workshop, address: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = workshop.pins
    assert deploy(pins, "plan", "prod") == 2
    assert deploy(pins, "apply", "prod") == 0
    assert count(address, "deployment") == 1
    # The watchdog's rules are there, and so is the first scheduled run: the server's services work.
    assert len(workshop.client.read_automations()) == count(address, "automation") > 0
    before = snapshot(workshop.client)
    assert deploy(pins, "apply", "prod") == 0
    assert deploy(pins, "plan", "prod") == 0
    assert snapshot(workshop.client) == before
    settings = {"PREFECT_API_AUTH_STRING": PASSWORD, "PYTHONDONTWRITEBYTECODE": ""}
    with prefect_worker(workshop.server, "pool-prod", tmp_path, **settings):
        ready = lambda: server.workers_online(workshop.client, "pool-prod")  # noqa: E731
        wait_until(ready, seconds=90, what="the worker")
        capsys.readouterr()
        status = deploy(pins, "run", "prod")
    told = capsys.readouterr().out
    assert status == 0, told
    assert told.rstrip().endswith("Completed")
    records = workshop.client.read_logs()
    assert any(record.name == f"{SLUG.replace('-', '_')}.tasks" for record in records)
    assert deploy(pins, "retire", "prod", "--yes") == 0
    assert workshop.client.read_deployments() == []
    assert workshop.client.read_automations() == []


def test_an_edit_on_the_server_is_a_difference_that_apply_mends(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(workshop.pins, "apply", "prod") == 0
    deployment = workshop.client.read_deployment_by_name(FULL_NAME)
    workshop.client.update_deployment(deployment.id, DeploymentUpdate(tags=["mine"]))
    capsys.readouterr()
    assert deploy(workshop.pins, "plan", "prod") == 2
    assert "etiquetas" in capsys.readouterr().out
    assert deploy(workshop.pins, "apply", "prod") == 0
    assert "mine" not in workshop.client.read_deployment_by_name(FULL_NAME).tags
    assert deploy(workshop.pins, "retire", "prod", "--yes") == 0


def test_ten_subflows_at_a_time_need_no_limit(workshop: Workshop) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", f'{TEN_SUBFLOWS}print("sum", asyncio.run(many()))'],
        env={**workshop.environment, "PREFECT_LOGGING_LEVEL": "DEBUG"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert "sum 45" in answer.stdout, answer.stderr[-3000:]
    # On SQLite, more than ten: requests that it refuses because it is locked, and that are repeated.
    assert answer.stderr.count("Another attempt will be made") == 0
