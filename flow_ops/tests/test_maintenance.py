"""The maintenance flow: the watchdog's rules by reading the server, for runs that automations do not see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import emit_event
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Completed, Pending, Running, Scheduled

from flow_ops.watchdog import Limits
from helpers.support import wait_until
from helpers.workshop import proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prefect.client.orchestration import SyncPrefectClient

    from helpers.support import Server

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _run(type_: StateType, name: str, age: timedelta) -> FlowRun:
    state: State[Any] = State(type=type_, name=name, timestamp=NOW - age)
    return FlowRun.model_validate({"flow_id": uuid4(), "state": state, "expected_start_time": NOW - age})


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("type_", "name", "limit", "rule", "ends_in"),
    [
        (StateType.RUNNING, "Running", Limits().running, "running", StateType.CANCELLING),
        (StateType.RUNNING, "Retrying", Limits().running, "running", StateType.CANCELLING),
        (StateType.PENDING, "Pending", Limits().pending, "pending", StateType.CANCELLING),
        (StateType.CANCELLING, "Cancelling", Limits().cancelling, "cancelling", StateType.CANCELLED),
        (StateType.SCHEDULED, "Late", Limits().late, "late", StateType.CANCELLING),
        (StateType.SCHEDULED, "AwaitingConcurrencySlot", Limits().late, "late", StateType.CANCELLING),
    ],
)
def test_a_run_breaks_its_rule_after_the_limit_and_not_before(
    type_: StateType, name: str, limit: timedelta, rule: str, ends_in: StateType
) -> None:
    from flow_ops.watchdog.sweep import broken_rule  # noqa: PLC0415

    second = timedelta(seconds=1)
    assert broken_rule(_run(type_, name, limit - second), Limits(), NOW) is None
    broken = broken_rule(_run(type_, name, limit + second), Limits(), NOW)
    assert broken is not None
    assert (broken[0], broken[1].type) == (rule, ends_in)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (StateType.SCHEDULED, "AwaitingRetry"),
        (StateType.PAUSED, "Paused"),
        (StateType.PAUSED, "Suspended"),
        (StateType.COMPLETED, "Completed"),
    ],
)
def test_a_run_that_waits_for_its_own_reasons_breaks_no_rule(type_: StateType, name: str) -> None:
    from flow_ops.watchdog.sweep import broken_rule  # noqa: PLC0415

    assert broken_rule(_run(type_, name, timedelta(days=30)), Limits(), NOW) is None


# --- on a server


class Runs:
    """Runs of one deployment with two slots, made up state by state; no worker has a part in it."""

    def __init__(self, client: SyncPrefectClient, folder: Path) -> None:
        self.client = client
        (folder / "flows.py").write_text(
            "from prefect import flow\n\n@flow\ndef upkeep():\n    pass\n", encoding="utf-8"
        )
        client.create_work_pool(WorkPoolCreate(name="upkeep", type="process"), overwrite=True)
        source: Any = flow.from_source(str(folder), entrypoint="flows.py:upkeep")
        self.deployment: UUID = source.deploy(
            name="prod", work_pool_name="upkeep", concurrency_limit=9, build=False, ignore_warnings=True
        )

    def add(self, *states: State, scheduled: State | None = None) -> UUID:
        """Create a run and take it through `states`."""
        run = self.client.create_flow_run_from_deployment(self.deployment, state=scheduled)
        for state in states:
            self.client.set_flow_run_state(run.id, state)
        return run.id

    def state(self, run: UUID) -> str | None:
        """Return the name of the run's state."""
        return self.client.read_flow_run(run).state_name

    def slots(self) -> int:
        """Return how many slots of the deployment are taken."""
        limit = self.client.read_deployment(self.deployment).global_concurrency_limit
        assert limit is not None
        return limit.active_slots

    def leak_a_slot(self) -> None:
        """Count one slot more than there are runs, as a server does that restarts while a run starts up."""
        name = f"deployment:{self.deployment}"
        update = GlobalConcurrencyLimitUpdate(active_slots=self.slots() + 1)
        self.client.update_global_concurrency_limit(name, update)


@pytest.fixture(scope="module")
def client(server: Server, repository: Path) -> Iterator[SyncPrefectClient]:
    assert repository.is_dir()
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        yield client


@pytest.mark.slow
@pytest.mark.e2e
def test_the_flow_ends_what_is_stuck_and_left_over_frees_the_slots_and_leaves_the_rest(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    from flow_ops.watchdog.sweep import end_stuck_runs  # noqa: PLC0415

    runs = Runs(client, tmp_path)
    ago = datetime.now(UTC) - timedelta(hours=5)
    late = runs.add(scheduled=Scheduled(scheduled_time=ago))
    running, pending, cancelling, finished = (
        runs.add(Pending(), Running()),
        runs.add(Pending()),
        runs.add(Pending(), Running(), Cancelling()),
        runs.add(Pending(), Running()),
    )
    later = runs.add(scheduled=Scheduled(scheduled_time=datetime.now(UTC) + timedelta(hours=1)))
    left_over = _subflow_of(client, finished)
    client.set_flow_run_state(finished, Completed())
    assert runs.slots() == 3

    # Another repository's deployments are not looked at.
    assert end_stuck_runs(["other/*"]).ended == []

    assert {ended.rule for ended in end_stuck_runs(["upkeep/*"]).ended} == {"late", "left over"}
    assert runs.state(late) == "Cancelled"
    assert runs.state(left_over) == "Crashed"

    limits: dict[str, float] = {"pending": 10, "cancelling": 10}
    wait_until(
        lambda: end_stuck_runs(["upkeep/*"], limits).ended and runs.state(cancelling) == "Cancelled",
        seconds=40,
        every=2,
        what="the end of the run in Cancelling",
    )
    # Its worker would end it now; without one, the flow does the next time.
    assert runs.state(pending) == "Cancelling"
    assert runs.slots() == 2
    # No slot was freed twice, and one that no run holds is given back.
    runs.leak_a_slot()
    assert runs.slots() == 3
    assert end_stuck_runs(["upkeep/*"]).slots_freed == {"upkeep/prod": 1}
    assert runs.slots() == 2
    assert [runs.state(run) for run in (running, finished, later)] == ["Running", "Completed", "Scheduled"]


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize(("ahead", "ends"), [(0, []), (5 * 3600, ["running"])])
def test_the_clock_that_counts_is_the_servers(
    server: Server, client: SyncPrefectClient, tmp_path: Path, ahead: int, ends: list[str]
) -> None:
    from flow_ops.watchdog.sweep import end_stuck_runs  # noqa: PLC0415

    run = Runs(client, tmp_path).add(Pending(), Running())
    with (
        proxy(server.url, lambda *_: None, ahead) as (url, _),
        temporary_settings({PREFECT_API_URL: url}),
    ):
        ended = end_stuck_runs(["upkeep/*"], {"running": 4 * 3600}).ended
    name = client.read_flow_run(run).name
    assert [each.rule for each in ended if each.flow_run == name] == ends
    client.set_flow_run_state(run, Completed(), force=True)


@pytest.mark.slow
@pytest.mark.e2e
def test_a_run_is_dead_once_its_heartbeats_stopped_and_not_if_it_never_sent_any(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    from flow_ops.watchdog.sweep import _is_dead  # noqa: PLC0415

    runs = Runs(client, tmp_path)
    silent, beating = (runs.add(Pending(), Running()) for _ in range(2))
    heartbeat = "prefect.flow-run.heartbeat"
    beaten = datetime.now(UTC)
    emit_event(heartbeat, {"prefect.resource.id": f"prefect.flow-run.{beating}"})
    EventsWorker.drain_all(timeout=10)

    def dead(run: UUID, since: datetime) -> bool:
        return _is_dead(client, client.read_flow_run(run), since)

    wait_until(lambda: dead(beating, datetime.now(UTC)), seconds=30, what="the heartbeat on the server")
    assert not dead(beating, beaten)
    assert not dead(silent, datetime.now(UTC))


def _subflow_of(client: SyncPrefectClient, parent: UUID) -> UUID:
    """Return a running subflow run of `parent`, as a process that was killed leaves it."""

    @task
    def step() -> None: ...

    @flow
    def inner() -> None: ...

    task_run: Any = client.create_task_run(step, flow_run_id=parent, dynamic_key="0")
    return client.create_flow_run(inner, parent_task_run_id=task_run.id, state=Running()).id
