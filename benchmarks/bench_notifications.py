"""How many failures does the server tell of? On SQLite, then on PostgreSQL.

Runs fail one after another on a deployment with the watchdog's automations; the states are reported as a worker and a
run's process do. Prefect's triggers read and then write: where something else wrote in between, SQLite refuses at once
("database is locked"), and after four refusals the server gives the event up, with whatever an automation would have
done. PostgreSQL is the tests' own, which does not wait for the disk.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench_start_of_run import FLOW, deploy
from benchmarks.harness import QUICK, TEMPLATE, Figure
from tests.postgresql import missing, postgresql
from tests.support import prefect_server, wait_until, webhook

sys.path.insert(0, str(TEMPLATE / "{{cookiecutter.flow_slug}}" / "src"))

from flow_ops import watchdog
from flow_ops.watchdog import Limits, Notification
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Failed, Pending, Running

RUNS = 6 if QUICK else 100
# Seconds from the end of one run to the start of the next.
PAUSE = 0.5
# Seconds after the last failure; what comes later comes a quarter of an hour later, or never.
PATIENCE = 60
# Prefect follows events a little later than it answers requests.
STARTING = 15


def measure() -> list[Figure]:
    """Return, for each database, the failures of which the notification block was not told."""
    figures = [_untold("SQLite", None)]
    if why := missing():
        sys.stderr.write(f"notifications: {why}\n")
        return figures
    with postgresql() as address:
        return [*figures, _untold("PostgreSQL", address)]


def _untold(database: str, address: str | None) -> Figure:
    settings = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": address} if address else {}
    received: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "trivial.py").write_text(FLOW.lstrip(), encoding="utf-8")
        server = stack.enter_context(prefect_server(folder, **settings))
        stack.enter_context(temporary_settings({PREFECT_API_URL: server.url}))
        client = stack.enter_context(SyncPrefectClient(server.url))
        client.create_work_pool(WorkPoolCreate(name="nobody", type="process"))
        deployment = deploy(server, client, folder, "nobody")
        CustomWebhookNotificationBlock(
            name="told",
            url=stack.enter_context(webhook(received)),
            json_data={"body": "{{body}}"},
            headers=None,
            cookies=None,
        ).save("told")
        watchdog.apply(client, deployment, "trivial/nobody", Limits(), Notification("custom-webhook/told"))
        time.sleep(STARTING)
        runs = set()
        for _ in range(RUNS):
            run = client.create_flow_run_from_deployment(deployment)
            for state in (Pending(), Running(), Failed()):
                client.set_flow_run_state(run.id, state)
            runs.add(str(run.id))
            time.sleep(PAUSE)

        def untold() -> set[str]:
            told = {json.loads(text)["body"].splitlines()[-1] for text in received}
            return runs - told

        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not untold(), seconds=PATIENCE, what="the last notification")
        share = len(untold()) / RUNS
    goal = 0 if address else None
    return Figure(f"{database}: failures not told of", 100 * share, "%", goal, f"of {RUNS} runs that failed")
