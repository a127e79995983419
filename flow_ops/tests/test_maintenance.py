"""The maintenance flow: what it puts right on a server, of what the watchdog's automations cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, get_client, task
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Crashed, Pending, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State

    from helpers.support import Server


class Runs:
    """Runs of one deployment of a repository, made up state by state; no worker has a part in it."""

    def __init__(self, client: SyncPrefectClient, folder: Path, repository: str) -> None:
        self.client = client
        (folder / "flows.py").write_text(
            "from prefect import flow\n\n@flow\ndef upkeep():\n    pass\n", encoding="utf-8"
        )
        client.create_work_pool(WorkPoolCreate(name="upkeep", type="process"), overwrite=True)
        source: Any = flow.from_source(str(folder), entrypoint="flows.py:upkeep")
        self.deployment: UUID = source.deploy(
            name=f"{repository}-prod",
            work_pool_name="upkeep",
            tags=[f"repository:{repository}"],
            build=False,
            ignore_warnings=True,
            print_next_steps=False,
        )

    def add(self, *states: State) -> UUID:
        """Create a run that a worker has taken, and take it through `states`."""
        run = self.client.create_flow_run_from_deployment(self.deployment)
        for state in (Pending(), *states):
            self.client.set_flow_run_state(run.id, state)
        return run.id

    def state(self, run: UUID) -> str | None:
        """Return the name of the run's state."""
        return self.client.read_flow_run(run).state_name


@pytest.fixture(scope="module")
def client(server: Server, repository: Path) -> Iterator[SyncPrefectClient]:
    assert repository.is_dir()
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        yield client


@pytest.mark.slow
@pytest.mark.e2e
def test_the_flow_ends_the_subflow_runs_that_are_left_over_and_leaves_the_rest(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    from flow_ops.watchdog.sweep import end_stuck_runs  # noqa: PLC0415

    ours, theirs = (Runs(client, tmp_path, repository) for repository in ("ventas-diarias", "other"))
    running, pending, killed = ours.add(Running()), ours.add(), ours.add(Running())
    elsewhere = theirs.add(Running())
    left_over, at_work, of_others = (_subflow_of(client, run) for run in (killed, running, elsewhere))
    inside = _subflow_of(client, left_over)
    for run in (killed, elsewhere):
        client.set_flow_run_state(run, Crashed())

    assert end_stuck_runs() == [client.read_flow_run(run).name for run in (left_over, inside)]
    assert [ours.state(run) for run in (left_over, inside)] == ["Crashed"] * 2
    assert [ours.state(run) for run in (at_work, of_others)] == ["Running"] * 2
    # Also where an earlier one was interrupted between the two.
    client.set_flow_run_state(inside, Running(), force=True)
    assert end_stuck_runs() == [client.read_flow_run(inside).name]
    assert end_stuck_runs() == []
    assert [ours.state(run) for run in (running, killed, pending)] == ["Running", "Crashed", "Pending"]


@pytest.mark.slow
@pytest.mark.e2e
def test_a_run_that_ends_or_is_deleted_meanwhile_is_left_alone(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flow_ops.watchdog import sweep  # noqa: PLC0415

    ours = Runs(client, tmp_path, "ventas-diarias")
    ended, deleted = (client.read_flow_run(ours.add(Running())) for _ in range(2))
    monkeypatch.setattr(sweep, "_left_over", lambda *_: [ended, deleted])  # As it was a moment ago.
    client.set_flow_run_state(ended.id, Completed())
    client.delete_flow_run(deleted.id)
    assert sweep.end_stuck_runs() == []
    assert ours.state(ended.id) == "Completed"


def _subflow_of(client: SyncPrefectClient, parent: UUID) -> UUID:
    """Return a running subflow run of `parent`, as a process that was killed leaves it."""

    @task
    def step() -> None: ...

    @flow
    def inner() -> None: ...

    task_run: Any = client.create_task_run(step, flow_run_id=parent, dynamic_key="0")
    return client.create_flow_run(inner, parent_task_run_id=task_run.id, state=Running()).id
