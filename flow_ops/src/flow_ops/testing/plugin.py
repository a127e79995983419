"""The pytest plugin of a flow repository, turned on by the one line of `tests/conftest.py`.

Prefect is isolated before this is imported (`isolation.py`). The tests that ask for a server share one, on
loopback (with xdist, one for each worker), which comes up while the other tests run. Whatever address a test gives
to Prefect, requests beyond loopback are refused.

Fixtures: `prefect_server`, `work_pool`, `run_worker_once`, `flow_logs`, `variables` and `secrets`;
`next_local_runs` and `deployments` are plain functions. Coroutine tests run under `@pytest.mark.anyio`, which Prefect brings along.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from prefect.client import base
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import refresh_global_settings_context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.workers.process import ProcessWorker

from flow_ops.deploy import server
from flow_ops.messages import FlowOpsError, render, text
from flow_ops.network import is_loopback
from flow_ops.secrets import Values, override
from flow_ops.testing import EndToEndValues
from flow_ops.testing.isolation import HOME, no_settings_files
from flow_ops.testing.server import (
    PREFECT,
    START_TIMEOUT,
    Server,
    Start,
    begin,
    end_process,
    forget,
    start_process,
)

if TYPE_CHECKING:
    from flow_ops.testing.e2e import Story


def pytest_configure(config: pytest.Config) -> None:
    """Refuse every request beyond loopback."""
    # A slower server is no reason to fail, where the repository makes errors of warnings.
    config.addinivalue_line("filterwarnings", "default:FT-TEST-03")
    # So that a session that is ended from outside ends its server and worker too, as with Ctrl-C.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A line for each request, among what a failed test shows.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    _read_settings()
    config.stash[_guards] = pytest.MonkeyPatch()
    for client in (base.PrefectHttpxAsyncClient, base.PrefectHttpxSyncClient):
        config.stash[_guards].setattr(client, "send", _only_loopback(client.send))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that need the server last: it comes up beside the others (3 s of 25, in a fresh repository)."""
    late = {item.path for item in items if _needs_server(item)}
    items.sort(key=lambda item: item.path in late)


def _needs_server(item: pytest.Item) -> bool:
    return "prefect_server" in getattr(item, "fixturenames", ())


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to start the server where a test will ask for it, so that it comes up beside the other tests."""
    wanted = any(map(_needs_server, session.items))
    # With xdist each worker starts a server when it needs one.
    config = session.config
    distributed = hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None)
    if wanted and not (distributed or config.option.collectonly):
        config.stash[_starting] = begin(HOME)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show a problem of ours as its message, with the lines that met it; add what to do where a server was forgotten."""
    report = yield
    _say_problem(report, call, item.config)
    if report.failed and "No Prefect API URL provided" in report.longreprtext:
        report.sections.append(("flow-ops", render("FT-TEST-02", test=item.name)))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Show a problem of ours that stands in the way of importing a test in the same way."""
    report = yield
    _say_problem(report, report.call, collector.config)
    return report


def _say_problem(report: Any, call: pytest.CallInfo[Any], config: pytest.Config) -> None:
    if report.failed and call.excinfo and isinstance(problem := call.excinfo.value, FlowOpsError):
        report.longrepr = "\n".join([str(problem), *problem.places(config.rootpath)])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing: no server, no folder."""
    if start := config.stash.get(_starting, None):
        start.stop()
    if guards := config.stash.get(_guards, None):
        guards.undo()
    logging.shutdown()  # Windows keeps a folder in which a file is open, as that of the log is.
    shutil.rmtree(HOME, ignore_errors=True)


_starting = pytest.StashKey[Start]()
_guards = pytest.StashKey[pytest.MonkeyPatch]()


def _read_settings() -> None:
    with no_settings_files():
        refresh_global_settings_context()


def _only_loopback(send: Callable[..., Any]) -> Callable[..., Any]:
    def checked(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_loopback(str(request.url)):
            raise FlowOpsError("FT-TEST-01", host=request.url.host)
        return send(self, request, *args, **kwargs)

    return checked


@pytest.fixture(scope="session")
def prefect_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A real server process with an empty database; flows that are called run on it.

    It has no scheduler and fires no automations: for these, and for a worker that stays, see `tests/test_e2e.py`.
    """
    start = pytestconfig.stash.get(_starting, None) or begin(HOME)
    pytestconfig.stash[_starting] = start
    running = _finish(start)
    os.environ["PREFECT_API_URL"] = running.url
    _read_settings()
    # Without heartbeats each flow that is not `async` takes a second less.
    with temporary_settings(updates={PREFECT_API_URL: running.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield running
        drain()
    del os.environ["PREFECT_API_URL"]
    _read_settings()
    running.stop()


@pytest.fixture
def work_pool(prefect_server: Server) -> Iterator[str]:  # noqa: ARG001 - a server must be there
    """The name of a process work pool that is this test's own."""
    name = f"tests-{uuid4().hex[:8]}"
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
    yield name
    with get_client(sync_client=True) as client:
        client.delete_work_pool(name)


@pytest.fixture
def run_worker_once(prefect_server: Server) -> Callable[..., list[FlowRun]]:  # noqa: ARG001 - a server must be there
    """A function: a real process worker takes what is queued in a pool, and the pool's runs are returned."""

    def run(work_pool: str, *, seconds: float = 120) -> list[FlowRun]:
        """Raise FlowOpsError FT-TEST-05 where the runs have not ended within `seconds`."""
        log = HOME / f"worker-{work_pool}.log"
        pool = ["--pool", work_pool, "--type", "process", "--no-create-pool-if-not-found"]
        worker = start_process([*PREFECT, "worker", "start", "--run-once", *pool], log)
        try:
            status = worker.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_process(worker)
        if status != 0:
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise FlowOpsError("FT-TEST-05", work_pool=work_pool, seconds=seconds, status=status, output=tail)
        only = WorkPoolFilter(name=WorkPoolFilterName(any_=[work_pool]))
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(work_pool_filter=only, sort=FlowRunSort.EXPECTED_START_TIME_ASC)

    return run


@pytest.fixture
def flow_logs(prefect_server: Server) -> Callable[[FlowRun | State[Any] | UUID], list[str]]:  # noqa: ARG001 - a server must be there
    """A function: the lines that the UI shows for a run, given as a run, its id or its state."""

    def read(run: FlowRun | State[Any] | UUID) -> list[str]:
        run_id = _run_id(run)
        end = time.monotonic() + 5
        while True:
            with get_client(sync_client=True) as client:
                lines = [record.message for record in server.log_records(client, [run_id])]
            # Prefect's last line; a run that was killed has none.
            if any("Finished in state" in line for line in lines) or time.monotonic() > end:
                return lines
            time.sleep(0.1)

    return read


@pytest.fixture
def _values() -> Iterator[Values]:
    with override() as values:
        yield values


@pytest.fixture
def variables(_values: Values) -> dict[str, Any]:
    """The Variables that exist in this test, by name: `variables["orders-limit"] = 10`. No server is asked."""
    return _values.variables


@pytest.fixture
def secrets(_values: Values) -> dict[str, Any]:
    """The Secret blocks that exist in this test, by name. No server is asked."""
    return _values.secrets


@pytest.fixture(scope="session")
def e2e_values() -> EndToEndValues:
    """What the flow of `tests/test_e2e.py` works with; to be overridden in `tests/conftest.py`."""
    return EndToEndValues()


@pytest.fixture(scope="session")
def _told(
    tmp_path_factory: pytest.TempPathFactory, e2e_values: EndToEndValues
) -> Iterator[Story | list[str]]:
    """The story of `story`, or why it could not be told."""
    from flow_ops.testing.e2e import told  # noqa: PLC0415 - all of deploying: for this one test file

    with contextlib.ExitStack() as stack:
        happened: Story | list[str]
        try:
            happened = stack.enter_context(told(tmp_path_factory.mktemp("e2e"), e2e_values))
        except (FlowOpsError, pytest.fail.Exception) as problem:
            happened = [str(problem)]
        yield happened


@pytest.fixture
def story(_told: Story | list[str]) -> Story:
    """What happened with the deployments of this repository, from `apply` to `retire`, on a server of its own."""
    if not isinstance(_told, list):
        return _told
    if _told:  # The first test that asks says it; the others would say the same.
        pytest.fail(_told.pop(), pytrace=False)
    pytest.skip(text("test.not-deployed"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests run on asyncio, as Prefect does."""
    return "asyncio"


def _finish(start: Start) -> Server:
    """Return the server that is starting, or the one of Prefect's own harness where it cannot be had."""
    try:
        return start.wait()
    except (OSError, RuntimeError, sqlite3.Error) as error:
        forget()
        warnings.warn(render("FT-TEST-03", reason=error), stacklevel=2)
    # Here alone: it imports Prefect's whole server, which takes 2.5 s of each session.
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    harness = contextlib.ExitStack()
    harness.enter_context(prefect_test_harness(server_startup_timeout=int(START_TIMEOUT)))
    return Server(str(PREFECT_API_URL.value()), harness.close)


def _run_id(run: FlowRun | State[Any] | UUID) -> UUID:
    if isinstance(run, UUID):
        return run
    found = run.state_details.flow_run_id if isinstance(run, State) else run.id
    if found is None:
        raise ValueError(f"a state of no run: {run!r}")
    return found


def drain() -> None:
    """Send what Prefect still holds before its server goes, so that it does not complain of that."""
    with contextlib.suppress(Exception):  # Not a public part of Prefect: at worst it does complain.
        APILogWorker.drain_all(timeout=5)
        EventsWorker.drain_all(timeout=5)
