"""Each kind of notification block that is documented, on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from prefect import flow, get_client
from prefect.blocks.notifications import MicrosoftTeamsWebhook, SendgridEmail, SlackWebhook
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Failed, Pending, Running
from pydantic import SecretStr

from flow_ops import watchdog
from flow_ops.watchdog import Limits, Notification
from helpers.support import wait_until, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State

    from helpers.support import Server

TEAMS = "triggers/manual/paths/invoke?api-version=2016-06-01&sp=b&sv=1.0&sig=c"
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        yield client


@pytest.mark.slow
def test_a_webhook_block_receives_valid_json_whatever_the_runs_name_holds(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    (tmp_path / "flows.py").write_text(
        "from prefect import flow\n\n@flow\ndef notifies():\n    pass\n", encoding="utf-8"
    )
    client.create_work_pool(WorkPoolCreate(name="notifies", type="process"))
    source: Any = flow.from_source(str(tmp_path), entrypoint="flows.py:notifies")
    deployment = source.deploy(name="prod", work_pool_name="notifies", build=False, ignore_warnings=True)
    received: list[str] = []
    name = '«diario» "ñ" \\ {x}'
    with webhook(received) as address:
        Webhook(url=SecretStr(address)).save("notifies")
        watchdog.apply(client, deployment, "notifies/prod", Limits(), Notification("webhook/notifies"))

        def is_called() -> bool:
            # Once more each time: on SQLite, Prefect loses an event now and then.
            run = client.create_flow_run_from_deployment(deployment, name=name)
            reports: list[State] = [Pending(), Running(), Failed()]
            for state in reports:
                client.set_flow_run_state(run.id, state)
            return bool(received)

        wait_until(is_called, seconds=60, every=3, what="the call of the webhook")
    text = json.loads(received[0])["text"]
    assert text.startswith("notifies/prod: ")
    assert name in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [
        SlackWebhook(url=SecretStr("https://hooks.slack.com/services/A/B/C")),
        MicrosoftTeamsWebhook(url=SecretStr(f"https://prod-1.x.logic.azure.com:443/workflows/a/{TEAMS}")),
        SendgridEmail(api_key=SecretStr("x"), sender_email="a@example.com", to_emails=["b@example.com"]),
    ],
    ids=lambda block: block.get_block_type_slug(),
)
def test_a_block_of_each_documented_type_makes_automations_that_the_server_accepts(
    client: SyncPrefectClient, block: Any
) -> None:
    kind = block.get_block_type_slug()
    block.save("documented")
    notification = Notification(f"{kind}/documented")
    name, deployment = f"documented/{kind}", uuid4()
    assert len(watchdog.apply(client, deployment, name, Limits(), notification)) == 5
    assert watchdog.differences(client, deployment, name, Limits(), notification) == []
