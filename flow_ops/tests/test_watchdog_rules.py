"""The watchdog's rules on the server that a team begins with: what they do, how they are edited, what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from prefect import flow, get_client
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running
from pydantic import SecretStr

from flow_ops import watchdog
from flow_ops.messages import FlowOpsError
from flow_ops.watchdog import Limits, Notification
from helpers.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State

    from helpers.support import Server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        yield client


def test_a_run_that_runs_for_too_long_is_cancelled(client: SyncPrefectClient, tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(
        "from prefect import flow\n\n@flow\ndef lasts(): ...\n", encoding="utf-8"
    )
    client.create_work_pool(WorkPoolCreate(name="lasts", type="process"))
    lasts: Any = flow.from_source(str(tmp_path), entrypoint="flows.py:lasts")
    deployment = lasts.deploy(name="prod", work_pool_name="lasts", build=False, ignore_warnings=True)
    short = timedelta(seconds=10)
    watchdog.apply(client, deployment, "lasts/prod", Limits(running=short))
    runs: list[UUID] = []

    def is_cancelled() -> bool:
        # Once more each time: on SQLite, Prefect loses an event now and then.
        runs.append(client.create_flow_run_from_deployment(deployment).id)
        reports: list[State] = [Pending(), Running()]
        for state in reports:
            client.set_flow_run_state(runs[-1], state)
        # No worker is there to end it: the server will.
        return any(client.read_flow_run(run).state_name == "Cancelling" for run in runs)

    wait_until(is_cancelled, seconds=120, every=8, what="the end of a run that lasts")


def test_an_automation_edited_in_the_ui_is_a_difference_that_apply_mends_in_place(
    client: SyncPrefectClient,
) -> None:
    name = "sleeper/edited"
    arguments = client, uuid4(), name, Limits()
    watchdog.apply(*arguments)
    [running] = client.read_automations_by_name(f"{name} watchdog: running")
    client.pause_automation(running.id)
    [late] = client.read_automations_by_name(f"{name} watchdog: late")
    edited = {**late.model_dump(exclude={"id", "owner_resource"}), "actions": [DoNothing(type="do-nothing")]}
    client.update_automation(late.id, AutomationCore.model_validate(edited))
    lines = watchdog.differences(*arguments)
    assert len(lines) == 2
    assert "enabled: False -> True" in lines[0]
    assert "actions.1.type: do-nothing -> cancel-flow-run" in lines[1]
    watchdog.apply(*arguments)
    assert watchdog.differences(*arguments) == []
    assert [found.id for found in client.read_automations_by_name(running.name)] == [running.id]
    assert len(watchdog.remove(client, name)) == 4
    assert client.read_automations_by_name(running.name) == []


def test_a_rule_that_only_an_earlier_release_had_goes_with_the_next_apply(client: SyncPrefectClient) -> None:
    name = "sleeper/of-an-earlier-release"
    arguments = client, uuid4(), name, Limits()
    watchdog.apply(*arguments)
    [late] = client.read_automations_by_name(f"{name} watchdog: late")
    earlier = {**late.model_dump(exclude={"id", "owner_resource"}), "name": f"{name} watchdog: cancelling"}
    client.create_automation(AutomationCore.model_validate(earlier))
    assert watchdog.differences(*arguments) == [f"- {name} watchdog: cancelling"]
    watchdog.apply(*arguments)
    assert client.read_automations_by_name(f"{name} watchdog: cancelling") == []
    watchdog.remove(client, name)


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("refused", "FT-WATCHDOG-03"),
        ("slack-webhook/nowhere", "FT-WATCHDOG-04"),
        ("no-such-type/refused", "FT-WATCHDOG-04"),
        ("secret/refused", "FT-WATCHDOG-05"),
    ],
)
def test_a_notification_block_that_cannot_serve_is_refused(
    client: SyncPrefectClient, block: str, code: str
) -> None:
    Webhook(url=SecretStr("http://127.0.0.1:9/")).save("refused", overwrite=True)
    Secret(value=SecretStr("x")).save("refused", overwrite=True)
    with pytest.raises(FlowOpsError, match=code):
        watchdog.find_channel(client, Notification(block))
