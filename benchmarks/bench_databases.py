"""What the database of the server decides: SQLite, which is Prefect's default, against PostgreSQL.

How long the sample flow takes, and how many failures the server tells of. On SQLite a transaction that reads and
then writes is refused at once where another wrote in between ("database is locked"): a client tries again after
two seconds or more; the triggers of automations, after four refusals, give the event up, with whatever an
automation would have done. PostgreSQL is the tests' own, which does not wait for the disk.

The runs that fail come one after another, on a deployment with the watchdog's automations; their states are reported
as a worker and a run's process do.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench_start_of_run import FLOW, deploy
from benchmarks.harness import QUICK, TEMPLATE, Figure, run
from benchmarks.repository import generate
from helpers.postgresql import missing, postgresql
from helpers.support import prefect_server, wait_until, webhook

sys.path.insert(0, str(TEMPLATE / "flow_ops" / "src"))

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Failed, Pending, Running

from flow_ops import watchdog
from flow_ops.watchdog import Limits, Notification

if TYPE_CHECKING:
    from helpers.support import Server

SAMPLES = 2 if QUICK else 15
FAILURES = 6 if QUICK else 40
# One server tells of all failures where the next, started the same way, gets into the way of itself and of most.
SERVERS = 1 if QUICK else 3
# Seconds from the end of one run to the start of the next.
PAUSE = 0.5
# Seconds after the last failure; what comes later comes a quarter of an hour later, or never.
PATIENCE = 60
# Prefect follows events a little later than it answers requests.
STARTING = 15


def measure() -> list[Figure]:
    """Return, for each database, the sample flow's seconds and the failures that were not told of."""
    figures = _on("SQLite", None)
    if why := missing():
        sys.stderr.write(f"databases: {why}\n")
        return figures
    with postgresql() as address:
        figures += _on("PostgreSQL", address)
    medians = [figure.value for figure in figures if figure.name.endswith("median")]
    return [Figure("the sample flow, SQLite over PostgreSQL", medians[0] / medians[1], "x"), *figures]


def _on(database: str, address: str | None) -> list[Figure]:
    settings = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": address} if address else {}
    untold: list[float] = []
    for number in range(SERVERS):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(prefect_server(folder, **settings))
            if number == 0:
                seconds = _sample_flow(server, folder)
            stack.enter_context(temporary_settings({PREFECT_API_URL: server.url}))
            untold.append(100 * _untold(server, folder))
    note = f"of {SAMPLES} runs, each a process of its own"
    told = f"of {FAILURES} runs that failed, one after another; of {SERVERS} servers"
    return [
        Figure(f"{database}: the sample flow, median", statistics.median(seconds), "s", None, note),
        Figure(f"{database}: the sample flow, slowest", max(seconds), "s", None, note),
        Figure(f"{database}: failures not told of, at best", min(untold), "%", None, told),
        Figure(f"{database}: failures not told of, at worst", max(untold), "%", 0 if address else None, told),
    ]


def _sample_flow(server: Server, folder: Path) -> list[float]:
    repository = generate(folder)
    [package] = [file.parent.name for file in repository.glob("src/*/flow.py")]
    environment = {
        **server.environment,
        "PYTHONPATH": str(repository / "src"),
        "FLOW_LOG_DIR": str(folder / "logs"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-m", package]
    runs = [run(command, cwd=repository, environment=environment).seconds for _ in range(SAMPLES + 1)]
    return runs[1:]


def _untold(server: Server, folder: Path) -> float:
    received: list[str] = []
    (folder / "trivial.py").write_text(FLOW.lstrip(), encoding="utf-8")
    with webhook(received) as address, SyncPrefectClient(server.url) as client:
        client.create_work_pool(WorkPoolCreate(name="nobody", type="process"), overwrite=True)
        deployment = deploy(server, client, folder, "nobody")
        CustomWebhookNotificationBlock(
            name="told", url=address, json_data={"body": "{{body}}"}, headers=None, cookies=None
        ).save("told", overwrite=True)
        watchdog.apply(client, deployment, "trivial/nobody", Limits(), Notification("custom-webhook/told"))
        time.sleep(STARTING)
        runs = set()
        for _ in range(FAILURES):
            failed = client.create_flow_run_from_deployment(deployment)
            for state in (Pending(), Running(), Failed()):
                client.set_flow_run_state(failed.id, state)
            runs.add(str(failed.id))
            time.sleep(PAUSE)

        def untold() -> set[str]:
            told = {json.loads(text)["body"].splitlines()[-1] for text in received}
            return runs - told

        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not untold(), seconds=PATIENCE, what="the last notification")
        return len(untold()) / FAILURES
