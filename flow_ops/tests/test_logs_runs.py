"""The logger in real runs: every origin of a record, on a real server and a real worker.

One flow writes from every origin there is. It runs on a worker and, started as scripts, under the
configurations that teams have. Each message names its scenario, its origin and the ids of the runs that
it was written in; what arrived is read back from the terminal, the API and the file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flow_ops.hidden import MASK
from helpers.repositories import make_repository
from helpers.support import Server, prefect_worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

SECRET = "s3cr3t-wörd"  # noqa: S105

ORIGINS = """
import asyncio, logging, multiprocessing, os, threading, time
from prefect import flow, task
from prefect.context import FlowRunContext, TaskRunContext
from prefect.task_runners import ProcessPoolTaskRunner
from flow_ops.logs import add_secret, get_logger, log_file

SCENARIO = os.environ["SCENARIO"]
logger = get_logger("origins")
plain = logging.getLogger("ventas_diarias.plain")

def text(origin):
    flow_run, task_run = FlowRunContext.get(), TaskRunContext.get()
    flow_id = flow_run.flow_run.id if flow_run else None
    task_id = task_run.task_run.id if task_run and task_run.task_run.flow_run_id == flow_id else None
    return f"<{SCENARIO} {origin}> {flow_id} {task_id}"

def function():
    logger.info(text("function"))

@task
def write(origin):
    logger.info(text(origin))
    if origin == "task":
        function()
        plain.info(text("standard-logger"))
        print(text("print-in-task"))
        inner("task-in-task")
        subflow("flow-in-task")

@task
def inner(origin):
    logger.info(text(origin))

@task
async def write_async(origin):
    await asyncio.sleep(0.01)
    logger.info(text(origin))

@task(retries=1, retry_delay_seconds=0)
def retried():
    if FlowRunContext.get() and TaskRunContext.get().task_run.run_count < 2:
        raise ValueError("first attempt")
    logger.info(text("retried"))

@task
def part(name):
    with log_file(f"{SCENARIO}-{name}.log"):
        for step in range(3):
            logger.info(text(f"part-{name}-{step}"))
            time.sleep(0.1)

@task
def fails():
    raise ValueError(os.environ["SECRET"])

@flow
def subflow(origin):
    logger.info(text(origin))
    if origin == "subflow":
        write("task-in-subflow")

@flow
async def async_subflow():
    logger.info(text("async-flow"))
    await asyncio.gather(write_async("async-task-1"), write_async("async-task-2"))

@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def in_processes():
    write.submit("other-process").result()

@flow(log_prints=True)
def origins():
    logger.info(text("flow"))
    write("task")
    parts = part.map(["a", "b"])
    write.submit("submitted").result()
    write.map(["mapped-1", "mapped-2"]).result()
    parts.result()
    retried()
    subflow("subflow")
    asyncio.run(async_subflow())
    print(text("print"))
    thread = threading.Thread(target=lambda: logger.info(text("thread")))
    thread.start()
    thread.join()
    add_secret(os.environ["SECRET"])
    logger.info(text("secret") + " " + os.environ["SECRET"])
    print(text("secret-print"), os.environ["SECRET"])
    fails(return_state=True)
    logger.info(text("cp1252") + " ñ → 😀")
    logger.info(text("long") + " " + "x" * 8000 + " end")
    logger.info(text("long-accents") + " " + "ñ" * 4000 + " end")
    if SCENARIO == "ours-first":
        in_processes()

@flow(on_cancellation=[lambda flow, flow_run, state: logger.info(f"<{SCENARIO} hook> {flow_run.id} None")])
def waits():
    logger.info(text("waiting"))
    time.sleep(600)

@flow
def small():
    logger.info(text("flow"))

# Without it, the first record of the unwritable scenario is one of a run: its UI has the warnings too.
if multiprocessing.parent_process() is None and SCENARIO not in ("unwritable", "cancelled"):
    logger.info(text("import"))
"""

# What a team has set that attaches Prefect's handler to its loggers: it warns of records outside runs.
QUIET = {"PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}

SCRIPTS = {
    "ours-first": ("import flow_ops.logs\nfrom ventas_diarias.origins import *\norigins()\n", {}),
    "extra-loggers": (
        "from ventas_diarias.origins import *\norigins()\n",
        {
            "PREFECT_LOGGING_EXTRA_LOGGERS": "ventas_diarias.origins",
            **QUIET,
            "PYTHONIOENCODING": "cp1252",
            "PYTHONUTF8": "0",
        },
    ),
    "settings-file": (
        "import flow_ops.logs\nfrom ventas_diarias.origins import *\norigins()\n",
        {"PREFECT_LOGGING_SETTINGS_PATH": "{folder}/logging.yml", **QUIET},
    ),
    "unwritable": (
        "from ventas_diarias.origins import *\nsmall()\nsmall()\n",
        {
            "FLOW_LOG_DIR": "{folder}/file/logs",
            "FLOW_LOG_FILES": "many",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "ventas_diarias",
        },
    ),
}

# As a team may have it: no disable_existing_loggers (so true), the package's logger with handlers of its own.
LOGGING_YML = """
version: 1
formatters:
  plain: {format: "TEAM %(name)s %(message)s"}
handlers:
  console: {class: logging.StreamHandler, stream: "ext://sys.stderr", formatter: plain}
  api: {class: prefect.logging.handlers.APILogHandler}
loggers:
  prefect: {level: INFO}
  prefect.extra: {level: INFO, handlers: [api], propagate: false}
  prefect.flow_runs: {level: NOTSET, handlers: [api]}
  prefect.task_runs: {level: NOTSET, handlers: [api]}
  ventas_diarias: {level: INFO, handlers: [console, api], propagate: false}
root: {level: WARNING, handlers: [console]}
"""

IN_RUNS = """
    flow task function standard-logger print-in-task task-in-task flow-in-task submitted mapped-1 mapped-2
    retried subflow task-in-subflow async-flow async-task-1 async-task-2 print secret secret-print long
    long-accents
""".split()  # noqa: SIM905
FULL = ["worker", "ours-first", "extra-loggers"]


@dataclass(frozen=True)
class Seen:
    """What one scenario left."""

    terminal: str
    api: list[dict[str, Any]]
    folder: Path
    status: int | None

    def file(self, name: str = "ventas-diarias.log") -> list[str]:
        return (self.folder / name).read_text(encoding="utf-8").splitlines()

    def of(self, origin: str) -> tuple[int, list[dict[str, Any]], list[str]]:
        """Return the origin's number of terminal lines, its API logs and its lines in the file."""
        mark = f" {origin}> "
        return (
            self.terminal.count(mark),
            [log for log in self.api if mark in log["message"]],
            [line for line in self.file() if mark in line],
        )


def call(server: Server, path: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{server.url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def deploy_and_run(server: Server, repository: Path, flow: str, environment: dict[str, str]) -> str:
    """Create a deployment on the process pool and a run of it; return the run's id."""
    deployment = call(
        server,
        "deployments/",
        name="logs",
        flow_id=call(server, "flows/", name=flow)["id"],
        entrypoint=f"src/ventas_diarias/origins.py:{flow}",
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(repository)}}],
        work_pool_name="logs-pool",
        job_variables={"env": environment},
    )
    return str(call(server, f"deployments/{deployment['id']}/create_flow_run")["id"])


def read_logs(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := call(server, "logs/filter", limit=200, offset=len(found), sort="TIMESTAMP_ASC"):
        found += page
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, server: Server) -> dict[str, Seen]:
    """Run every scenario, all at once on one server, and return what each one left."""
    folder = tmp_path_factory.mktemp("logs")
    repository = make_repository(folder)
    (repository / "src" / "ventas_diarias" / "origins.py").write_text(ORIGINS, encoding="utf-8")
    (folder / "logging.yml").write_text(LOGGING_YML, encoding="utf-8")
    (folder / "file").touch()

    def environment(scenario: str, **more: str) -> dict[str, str]:
        own = {
            # The managed code under test, and the repository's own package.
            "PYTHONPATH": os.pathsep.join([str(repository / "src")]),
            "FLOW_PROJECT_ROOT": str(repository),
            "SCENARIO": scenario,
            "SECRET": SECRET,
            "FLOW_LOG_DIR": str(folder / scenario),
            "FLOW_LANGUAGE": "en",
            "PREFECT_LOGGING_TO_API_MAX_LOG_SIZE": "5000",
        }
        return own | {name: value.format(folder=folder) for name, value in more.items()}

    terminals = {scenario: folder / f"{scenario}.terminal" for scenario in SCRIPTS}
    with ExitStack() as stack:
        call(server, "work_pools/", name="logs-pool", type="process")
        run_id = deploy_and_run(server, repository, "origins", environment("worker"))
        cancelled_id = deploy_and_run(server, repository, "waits", environment("cancelled"))
        stack.enter_context(prefect_worker(server, "logs-pool", folder / "work"))
        processes = {}
        for scenario, (script, settings) in SCRIPTS.items():
            terminal = stack.enter_context(terminals[scenario].open("wb"))
            processes[scenario] = subprocess.Popen(
                [sys.executable, "-c", script],
                env=server.environment | environment(scenario, **settings),
                cwd=repository,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )
            stack.callback(processes[scenario].kill)
        statuses: dict[str, int | None] = {name: process.wait(300) for name, process in processes.items()}

        def run(id_: str) -> dict[str, Any]:
            return dict(call(server, "flow_runs/filter", flow_runs={"id": {"any_": [id_]}})[0])

        def ends_as(id_: str, state: str) -> int:
            wait_until(
                lambda: run(id_)["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"),
                seconds=300,
                what=f"the end of the run that is to be {state}",
            )
            # Its process sends the last records as it ends.
            process_id = int(run(id_)["infrastructure_pid"].rpartition(":")[2])
            wait_until(lambda: not Path(f"/proc/{process_id}").exists(), seconds=60, what="the run's process")
            return 0 if run(id_)["state"]["type"] == state else 1

        statuses["worker"] = ends_as(run_id, "COMPLETED")
        wait_until(
            lambda: any("<cancelled waiting>" in log["message"] for log in read_logs(server)),
            seconds=60,
            what="the first line of the run to cancel",
        )
        call(
            server, f"flow_runs/{cancelled_id}/set_state", state={"type": "CANCELLING", "name": "Cancelling"}
        )
        statuses["cancelled"] = ends_as(cancelled_id, "CANCELLED")
        terminals["worker"] = terminals["cancelled"] = folder / "work" / "worker.log"
        api = read_logs(server)

    def seen_in(scenario: str, terminal: str) -> Seen:
        mine = [log for log in api if f"<{scenario} " in log["message"]]
        runs = {log["flow_run_id"] for log in mine}
        return Seen(
            terminal,
            [log for log in api if log["flow_run_id"] in runs],
            folder / scenario,
            statuses[scenario],
        )

    texts = {
        scenario: file.read_text(encoding="utf-8", errors="replace") for scenario, file in terminals.items()
    }
    return {scenario: seen_in(scenario, text) for scenario, text in texts.items()}


@pytest.mark.parametrize("scenario", ["worker", *SCRIPTS])
def test_the_run_completes(seen: dict[str, Seen], scenario: str) -> None:
    assert seen[scenario].status == 0, seen[scenario].terminal[-3000:]
    assert "Logging error" not in seen[scenario].terminal
    assert "UserWarning" not in seen[scenario].terminal


def test_a_line_of_a_cancellation_hook_arrives_once_everywhere_with_the_cancelled_run(
    seen: dict[str, Seen],
) -> None:
    assert seen["cancelled"].status == 0
    terminal, api, file = seen["cancelled"].of("hook")
    assert (terminal, len(api), len(file)) == (1, 1, 1)
    assert api[0]["message"].split()[2] == api[0]["flow_run_id"]


@pytest.mark.parametrize(
    ("scenario", "origin"),
    [
        (scenario, origin)
        for scenario in [*FULL, "settings-file"]
        for origin in IN_RUNS
        # Where Prefect's own handler sends, it cuts this one down to "... [truncated]".
        if origin != "long-accents" or scenario in ("worker", "ours-first")
    ],
)
def test_a_record_arrives_once_in_terminal_ui_and_file_with_its_runs(
    seen: dict[str, Seen], scenario: str, origin: str
) -> None:
    terminal, api, file = seen[scenario].of(origin)
    assert (terminal, len(api), len(file)) == (1, 1, 1)
    flow_run_id, task_run_id = file[0].partition(f"<{scenario} {origin}> ")[2].split()[:2]
    assert api[0]["flow_run_id"] == flow_run_id
    assert str(api[0]["task_run_id"]) == task_run_id
    assert f" {flow_run_id} | " in file[0]
    assert (" | - | " in file[0]) == (task_run_id == "None")


@pytest.mark.parametrize("scenario", ["ours-first", "extra-loggers"])
def test_a_record_outside_any_run_arrives_in_terminal_and_file_only(
    seen: dict[str, Seen], scenario: str
) -> None:
    terminal, api, file = seen[scenario].of("import")
    assert (terminal, len(api), len(file)) == (1, 0, 1)
    assert " | - - | - | " in file[0]


@pytest.mark.parametrize("scenario", FULL)
def test_what_a_plain_thread_of_a_run_logs_belongs_to_the_run(seen: dict[str, Seen], scenario: str) -> None:
    terminal, api, file = seen[scenario].of("thread")
    flow_run_id = seen[scenario].of("flow")[1][0]["flow_run_id"]
    assert (terminal, len(file)) == (1, 1)
    assert [log["flow_run_id"] for log in api] == [flow_run_id]
    assert flow_run_id in file[0]


def test_what_the_process_of_a_worker_logs_on_import_belongs_to_the_run_it_was_started_for(
    seen: dict[str, Seen],
) -> None:
    terminal, api, file = seen["worker"].of("import")
    flow_run_id = seen["worker"].of("flow")[1][0]["flow_run_id"]
    assert (terminal, len(file)) == (1, 1)
    assert [log["flow_run_id"] for log in api] == [flow_run_id]
    assert flow_run_id in file[0]


def test_a_task_in_another_process_logs_like_any_other(seen: dict[str, Seen]) -> None:
    terminal, api, file = seen["ours-first"].of("other-process")
    assert (terminal, len(api), len(file)) == (1, 1, 1)
    assert api[0]["task_run_id"]


@pytest.mark.parametrize("scenario", [*FULL, "settings-file"])
def test_prefects_own_lines_about_the_runs_are_in_the_file_once(seen: dict[str, Seen], scenario: str) -> None:
    flow_run_id = seen[scenario].of("flow")[1][0]["flow_run_id"]
    file = [line for line in seen[scenario].file() if flow_run_id in line]
    assert len([line for line in file if "Beginning flow run" in line]) == 1
    assert (
        len([line for line in file if "prefect.flow_runs" in line and "Finished in state Completed" in line])
        == 1
    )
    assert len([line for line in file if "Retry 1/1 will start" in line]) == 1
    retried = seen[scenario].of("retried")[1][0]["task_run_id"]
    finished = [
        log for log in seen[scenario].api if log["task_run_id"] == retried and "Finished" in log["message"]
    ]
    assert len(finished) == 1


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("scenario", FULL)
def test_another_file_for_a_task_leaves_the_task_beside_it_alone(
    seen: dict[str, Seen], scenario: str, name: str
) -> None:
    expected = [f"part-{name}-{step}" for step in range(3)]
    lines = seen[scenario].file(f"{scenario}-{name}.log")
    assert [line.partition(f"<{scenario} ")[2].partition(">")[0] for line in lines] == expected
    for origin in expected:
        terminal, api, usual = seen[scenario].of(origin)
        assert (terminal, len(api), len(usual)) == (1, 1, 0)


@pytest.mark.parametrize("scenario", [*FULL, "settings-file"])
def test_secrets_are_masked_everywhere_in_prefects_own_lines_too(
    seen: dict[str, Seen], scenario: str
) -> None:
    found = seen[scenario]
    for place in (found.terminal, "\n".join(found.file()), "\n".join(log["message"] for log in found.api)):
        assert SECRET not in place
        assert f"ValueError: {MASK}" in place or f"ValueError('{MASK}')" in place


@pytest.mark.parametrize("origin", ["long", "long-accents"])
@pytest.mark.parametrize("scenario", ["worker", "ours-first"])
def test_a_very_long_message_is_cut_with_a_mark_in_the_ui_and_whole_in_the_file(
    seen: dict[str, Seen], scenario: str, origin: str
) -> None:
    _, api, file = seen[scenario].of(origin)
    assert file[0].endswith(" end")
    assert api[0]["message"].endswith("... [truncated]")
    assert len(json.dumps(api[0]["message"])) > 3000


def test_what_is_wrong_with_file_and_settings_is_said_once_in_terminal_and_ui(seen: dict[str, Seen]) -> None:
    found = seen["unwritable"]
    for code in ("FT-LOGS-01", "FT-LOGS-02"):
        assert found.terminal.count(f"{code}  ") == 1
        assert len([log for log in found.api if f"{code}  " in log["message"]]) == 1
    assert found.terminal.count("<unwritable flow>") == 2
    assert len([log for log in found.api if "<unwritable flow>" in log["message"]]) == 2


def test_a_cp1252_terminal_gets_every_line_and_the_file_the_whole(seen: dict[str, Seen]) -> None:
    terminal, api, file = seen["extra-loggers"].of("cp1252")
    assert (terminal, len(api), len(file)) == (1, 1, 1)
    assert file[0].endswith("ñ → 😀")
    assert api[0]["message"].endswith("ñ → 😀")
