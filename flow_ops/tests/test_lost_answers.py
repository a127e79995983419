"""What is asked for once is done once, however often a request is sent: answers are lost, late, or a 503."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Completed

from flow_ops.deploy import runs, server
from flow_ops.deploy.targets import targets
from helpers.support import wait_until
from helpers.workshop import (
    LOST,
    Answer,
    Workshop,
    apply,
    ask,
    clear,
    deploy,
    on_server,
    pointing_at,
    proxy,
    with_prod,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _nothing_deployed(workshop: Workshop) -> Iterator[None]:
    yield
    clear(workshop.client)


def unlucky(seed: int, *begins: str) -> Callable[[str, str], Answer | None]:
    """Return a rule for a proxy: of the requests that begin so, some are refused and the answers of some are lost.

    Never twice in a row, so that Prefect's own retries come to an end.
    """
    chance, spared = random.Random(seed), [True]  # noqa: S311 - the same each time

    def rule(method: str, path: str) -> Answer | None:
        if not f"{method} {path.removeprefix('/api')}".startswith(begins):
            return None
        spared[0] = not spared[0]
        return chance.choice([LOST, LOST, Answer(503, b"{}"), None]) if not spared[0] else None

    return rule


def names_of_automations(workshop: Workshop) -> list[str]:
    return sorted(automation.name for automation in workshop.client.read_automations())


@pytest.mark.parametrize("seed", [1])
def test_an_apply_through_a_bad_network_makes_everything_once_and_a_retire_leaves_nothing(
    workshop: Workshop, seed: int
) -> None:
    writes = ("POST /deployments/ ", "POST /automations/", "POST /flows/ ", "PUT", "PATCH", "DELETE")
    with proxy(workshop.server.url, unlucky(seed, *(each.rstrip() for each in writes))) as (url, requests):
        with pointing_at(url):
            assert deploy(workshop.pins, "apply", "prod") == 0
        assert [one.name for one in workshop.client.read_deployments()] == [on_server(workshop).name]
        made = names_of_automations(workshop)
        assert made == sorted(set(made))
        assert deploy(workshop.pins, "plan", "prod") == 0
        sent = [each for each in requests if each.startswith("POST /api/automations/")]
        assert len(sent) > len(made), "no answer was lost"
        with pointing_at(url):
            assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
    assert workshop.client.read_deployments() == []
    assert names_of_automations(workshop) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_asked_for_once_begins_once(workshop: Workshop, seed: int) -> None:
    apply(workshop.pins)
    deployment = on_server(workshop)
    (target,) = targets(workshop.pins, "prod", None)
    with (
        proxy(workshop.server.url, unlucky(seed, f"POST /deployments/{deployment.id}/create_flow_run")) as (
            url,
            _,
        ),
        pointing_at(url),
        server.connect() as client,
    ):
        started = runs.start(client, target, deployment, {})
    found: Any = ask(workshop.client, "/flow_runs/filter", sort="EXPECTED_START_TIME_ASC")
    by_hand = [
        run["id"] for run in found if not run["auto_scheduled"] and run["deployment_id"] == str(deployment.id)
    ]
    assert by_hand == [str(started.id)]


@pytest.mark.slow
def test_a_retire_that_was_interrupted_is_finished_by_the_next(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    with (
        proxy(
            workshop.server.url,
            lambda method, path: (
                Answer(500, b"{}") if (method, path[:17]) == ("DELETE", "/api/automations/") else None
            ),
        ) as (url, _),
        pointing_at(url),
    ):
        assert deploy(workshop.pins, "retire", "prod", "--yes") == 1
    assert workshop.client.read_deployments() == []
    assert names_of_automations(workshop) != []
    assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
    assert names_of_automations(workshop) == []
    capsys.readouterr()
    assert deploy(workshop.pins, "retire", "prod", "--yes") == 1
    assert "FT-DEPLOY-07" in capsys.readouterr().err


@pytest.mark.slow
def test_the_watchdog_of_a_deployment_that_the_file_never_named_is_removed_by_its_full_name(
    workshop: Workshop,
) -> None:
    apply(workshop.pins)
    name = f"{targets(workshop.pins, 'prod', None)[0].full_name}"
    workshop.client.delete_deployment(on_server(workshop).id)
    assert deploy(workshop.pins, "retire", name, "--yes") == 0
    assert names_of_automations(workshop) == []


@pytest.mark.parametrize("answer", [Answer(503, b"{}"), pytest.param(LOST, marks=pytest.mark.slow)])
def test_run_says_within_seconds_that_the_server_stopped_answering_and_then_follows_the_run_to_its_end(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    # Of which no worker of another test was seen lately.
    with contextlib.suppress(ObjectAlreadyExists):
        workshop.client.create_work_pool(WorkPoolCreate(name="quiet-prod", type="process"))
    pins = with_prod(workshop.pins, schedule=None, work_pool="quiet-prod")
    apply(pins)
    capsys.readouterr()
    down = threading.Event()
    refused: list[str] = []

    def rule(_: str, path: str) -> Answer | None:
        if not down.is_set():
            return None
        refused.append(path)
        return answer

    def outage() -> None:
        wait_until(workshop.client.read_flow_runs, seconds=60, what="the run")
        down.set()
        # Two are told of before the third is sent. With Prefect's own retries, one would last for a minute.
        try:
            wait_until(lambda: len(refused) > 2, seconds=60, what="the third request that gets no answer")
        finally:
            [run] = workshop.client.read_flow_runs()
            workshop.client.set_flow_run_state(run.id, Completed(), force=True)
            down.clear()
        time.sleep(4)
        record = {
            "name": "prefect.flow_runs",
            "level": logging.INFO,
            "message": "Finished in state Completed(), sent late",
            "timestamp": datetime.now(UTC).isoformat(),
            "flow_run_id": str(run.id),
        }
        workshop.client.create_logs([record])

    with ThreadPoolExecutor() as threads, proxy(workshop.server.url, rule) as (url, _), pointing_at(url):
        ended = threads.submit(outage)
        assert deploy(pins, "run", "prod") == 0
        ended.result()
    told, warned = capsys.readouterr()
    assert "FT-POOL-05  " in warned, "nobody takes it"
    said = [
        "sin respuesta del servidor; se vuelve a intentar (si la ejecución ya empezó, sigue en el worker)",
        "el servidor responde otra vez",
        "Completed",
    ]
    assert [told.count(f"| {each}") for each in said] == [1, 1, 1], told
    assert sorted(said, key=told.index) == said
    assert "sent late" in told
