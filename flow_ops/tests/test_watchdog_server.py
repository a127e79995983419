"""The watchdog on a real server and real workers, with short limits: how each stuck run ends.

The runs are started, then the server is restarted, and only then do the limits pass: so most tests also say
that their rule survives the restart. One server, one restart; each test waits for its own run.
The server is on PostgreSQL: on SQLite, Prefect loses an event now and then, and what a rule would have done.
One rule that nobody restarts is in `test_watchdog_rules.py`, for every day.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, get_client
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State, StateType
from prefect.events.actions import DoNothing
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import Event, Resource
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Failed, Pending, Running

from flow_ops import watchdog
from flow_ops.watchdog import Limits, Notification
from helpers import postgresql
from helpers.support import free_port, prefect_server, prefect_worker, wait_until, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing() or "-"),
]

FLOW = """
import os, time
from pathlib import Path
from prefect import flow

@flow
def sleeper(seconds: int, folder: str):
    Path(folder, f"{os.getpid()}.pid").touch()
    time.sleep(seconds)
    Path(folder, f"{os.getpid()}.done").touch()
"""
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)
LONG = timedelta(hours=1)
# So long that a server under load is up again before any of them has passed: what falls due while it is down
# or starting is lost now and then, as Prefect keeps the actions in memory.
SHORT = timedelta(seconds=90)
RUNNING = timedelta(seconds=15)


@dataclass
class Stage:
    """A server with one run for each way to be stuck."""

    client: SyncPrefectClient
    folder: Path
    runs: dict[str, UUID] = field(default_factory=dict)
    deployments: dict[str, UUID] = field(default_factory=dict)
    notified: list[str] = field(default_factory=list)

    def deploy(self, name: str, pool: str, limits: Limits, notification: Notification | None = None) -> None:
        """Deploy a flow with one slot and its watchdog."""
        sleeper: Any = flow.from_source(str(self.folder), entrypoint="flows.py:sleeper")
        self.deployments[name] = sleeper.deploy(
            name=name,
            work_pool_name=pool,
            concurrency_limit=1,
            job_variables={"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}},
            build=False,
            ignore_warnings=True,
            print_next_steps=False,
        )
        watchdog.apply(self.client, self.deployments[name], f"sleeper/{name}", limits, notification)

    def start(self, name: str, **parameters: object) -> None:
        """Create a run; it says in a folder of its name which process it has."""
        (self.folder / name).mkdir()
        self.runs[name] = self.client.create_flow_run_from_deployment(
            self.deployments[name], parameters={"folder": str(self.folder / name), **parameters}
        ).id

    def report(self, name: str, *states: State) -> None:
        """Tell the server of these states, as a worker and a run's process do."""
        for state in states:
            self.client.set_flow_run_state(self.runs[name], state)

    def pid(self, name: str) -> int | None:
        """Return the process of the run, once it has one."""
        return next((int(file.stem) for file in (self.folder / name).glob("*.pid")), None)

    def state(self, name: str) -> StateType | None:
        """Return the type of the run's state."""
        state = self.client.read_flow_run(self.runs[name]).state
        return state.type if state else None

    def slots(self, name: str) -> int:
        """Return how many slots of the deployment are taken."""
        limit = self.client.read_deployment(self.deployments[name]).global_concurrency_limit
        assert limit is not None
        return limit.active_slots

    def ends_as(self, name: str, state: StateType, seconds: float = 200) -> None:
        """Wait until the run is in `state`, its slot is free and its process is gone."""
        wait_until(
            lambda: (
                self.state(name)
                in (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)
            ),
            seconds=seconds,
            what=f"the end of the run {name}",
        )
        assert self.state(name) is state, self.client.read_flow_run(self.runs[name]).state
        assert self.slots(name) == 0
        if pid := self.pid(name):
            wait_until(lambda: not _alive(pid), seconds=20, what=f"the end of the process of {name}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _has_heartbeat(client: SyncPrefectClient, run: UUID) -> bool:
    heartbeats = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
    )
    return bool(client.read_events(heartbeats, limit=1).events)


def _wait_for_automations(client: SyncPrefectClient) -> None:
    """Return once the server acts on events: it answers requests a little earlier, and what it is told then
    is kept but followed by no automation.
    """
    canary: dict[str, Any] = {"prefect.resource.id": "tests.canary"}
    automation = client.create_automation(
        AutomationCore(
            name="canary",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={"tests.sang"},
                match=canary,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[DoNothing(type="do-nothing")],
        )
    )

    def sings() -> bool:
        event = Event(event="tests.sang", resource=Resource(canary))
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
        triggered = EventFilter(  # made anew: a filter ends at the moment that it was made
            event=EventNameFilter(name=["prefect.automation.triggered"]),
            resource=EventResourceFilter(id=[f"prefect.automation.{automation}"]),
        )
        return bool(client.read_events(triggered, limit=1).events)

    wait_until(sings, seconds=60, what="an automation that acts", every=0.5)
    client.delete_automation(automation)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("watchdog")
    (folder / "flows.py").write_text(FLOW, encoding="utf-8")
    port = free_port()
    with contextlib.ExitStack() as stack:
        settings = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": stack.enter_context(postgresql.postgresql()),
            "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "PT1S",
            "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
            # 300 of them unless told otherwise.
            "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS": "10",
        }
        first = contextlib.ExitStack()
        stack.push(first)
        server = first.enter_context(prefect_server(folder, port=port, **settings))
        stack.enter_context(temporary_settings({PREFECT_API_URL: server.url}))
        client = stack.enter_context(get_client(sync_client=True))
        stage = Stage(client, folder)
        address = stack.enter_context(webhook(stage.notified))
        for pool in ("survives", "dies", "nobody"):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        stack.enter_context(prefect_worker(server, "survives", folder / "survives-worker"))
        dying = stack.enter_context(prefect_worker(server, "dies", folder / "dies-worker"))

        CustomWebhookNotificationBlock(
            name="operations",
            url=address,
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
            headers=None,
            cookies=None,
        ).save("operations")
        notify = Notification("custom-webhook/operations")
        patient = Limits(running=LONG, late=LONG, pending=LONG, heartbeat=LONG)
        limits = {
            "sleeps": replace(patient, running=RUNNING),
            "waits": replace(patient, late=SHORT),
            "never-starts": replace(patient, pending=timedelta(seconds=15)),
            "fails": patient,
            "cancels-for-ever": patient,
            "killed": replace(patient, heartbeat=timedelta(seconds=100)),
            "outlives-its-worker": replace(patient, heartbeat=timedelta(seconds=100)),
        }
        afterwards = ("sleeps", "never-starts", "fails")
        pools = {"killed": "dies", "outlives-its-worker": "dies"}
        for name, limit in limits.items():
            told = name in ("sleeps", "fails")
            stage.deploy(
                name, {"sleeps": "survives", **pools}.get(name, "nobody"), limit, notify if told else None
            )
        for name in pools:
            # The one that is let live has several heartbeats to send, and a server that restarts between two.
            stage.start(name, seconds=130 if name == "outlives-its-worker" else 3600)
        wait_until(
            lambda: all(stage.pid(name) for name in pools), seconds=90, what="the processes of the runs"
        )
        wait_until(lambda: _has_heartbeat(client, stage.runs["killed"]), seconds=30, what="a first heartbeat")
        stage.start("waits", seconds=1)
        stage.start("cancels-for-ever", seconds=1)
        # What a worker and its process tell the server, but for the end.
        stage.report("cancels-for-ever", Pending(), Running(), Cancelling())
        wait_until(
            lambda: client.read_flow_run(stage.runs["waits"]).state_name == "Late",
            seconds=30,
            what="a late run",
        )

        os.kill(dying.pid, signal.SIGKILL)
        dying.wait()
        os.kill(stage.pid("killed") or 0, signal.SIGKILL)

        first.close()
        stack.enter_context(prefect_server(folder, port=port, **settings))
        _wait_for_automations(client)
        # Only now: for 15 minutes after a restart Prefect holds back what follows an event from before it, and
        # a run's process gives up looking for its cancellation after three answers that do not come.
        for name in afterwards:
            stage.start(name, seconds=3600)
        stage.report("never-starts", Pending())
        stage.report("fails", Pending(), Running(), Failed(name="BadData", message="orders.csv"))
        yield stage


def test_a_run_that_runs_for_too_long_is_cancelled_and_its_process_ended(stage: Stage) -> None:
    stage.ends_as("sleeps", StateType.CANCELLED)


def test_a_run_that_nobody_picks_up_is_cancelled(stage: Stage) -> None:
    stage.ends_as("waits", StateType.CANCELLED)


def test_a_run_that_a_worker_took_and_never_started_is_cancelled(stage: Stage) -> None:
    stage.ends_as("never-starts", StateType.CANCELLED)


def test_a_run_that_nobody_is_left_to_cancel_is_cancelled_by_the_server(stage: Stage) -> None:
    stage.ends_as("cancels-for-ever", StateType.CANCELLED)


def test_a_run_whose_worker_alone_was_killed_goes_on_and_completes(stage: Stage) -> None:
    stage.ends_as("outlives-its-worker", StateType.COMPLETED)


def test_a_run_killed_with_its_worker_ends_as_crashed(stage: Stage) -> None:
    stage.ends_as("killed", StateType.CRASHED)


@pytest.mark.parametrize("name", ["sleeps", "fails"], ids=["cancelled-by-the-watchdog", "failed"])
def test_the_declared_block_is_notified(stage: Stage, name: str) -> None:
    def told() -> list[dict[str, str]]:
        messages = [json.loads(text) for text in stage.notified]
        return [message for message in messages if f"sleeper/{name}" in message["subject"]]

    wait_until(told, seconds=120, what=f"the notification about {name}")
    run = stage.client.read_flow_run(stage.runs[name])
    assert run.name in told()[0]["body"]
    assert str(run.id) in told()[0]["body"]


def test_what_apply_wrote_is_what_is_expected_after_a_restart(stage: Stage) -> None:
    limits = Limits(running=RUNNING, late=LONG, pending=LONG, heartbeat=LONG)
    arguments = stage.client, stage.deployments["sleeps"], "sleeper/sleeps", limits
    assert watchdog.differences(*arguments, Notification("custom-webhook/operations")) == []
