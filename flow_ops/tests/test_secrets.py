"""Variables and Secret blocks: lazily read, typed, read once a run, never shown."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, get_client, task
from prefect.blocks.system import Secret
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.client.schemas.actions import VariableCreate, WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import BaseModel, SecretStr

from flow_ops import logs
from flow_ops.messages import FlowOpsError
from flow_ops.secrets import asecret, avariable, override, secret, variable
from helpers.support import prefect_worker, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from httpx import Request
    from prefect.client.orchestration import SyncPrefectClient

    from helpers.support import Server


class Database(BaseModel):
    """A secret with a shape."""

    user: str
    password: str


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was given to the logger to be masked."""
    values: list[object] = []
    monkeypatch.setattr(logs, "add_secret", values.append)
    return values


# --- without a server


@pytest.mark.parametrize(
    ("value", "type_", "result"),
    [
        ("text", str, "text"),
        (5, int, 5),
        ("5", int, 5),
        ("[1, 2]", list[int], [1, 2]),
        (["a"], list[str], ["a"]),
        ("2026-01-31", date, date(2026, 1, 31)),
        ({"user": "u", "password": "p"}, Database, Database(user="u", password="p")),  # noqa: S106
        ('{"user": "u", "password": "p"}', Database, Database(user="u", password="p")),  # noqa: S106
    ],
)
@pytest.mark.parametrize("read", [variable, secret])
def test_a_value_comes_as_the_type_that_was_asked_for(
    read: Callable[..., Any], value: object, type_: Any, result: object
) -> None:
    with override(variables={"name": value}, secrets={"name": value}):
        assert read("name", type_) == result
        assert asyncio.run({variable: avariable, secret: asecret}[read]("name", type_)) == result


def test_a_secret_of_digits_stays_text() -> None:
    # Prefect's own Secret.get() makes a number of it, and loses the zeros.
    with override(secrets={"pin": "0012"}):
        assert secret("pin") == "0012"


def test_a_missing_variable_with_a_default_is_the_default_as_given() -> None:
    with override():
        assert variable("limit", int, default=10) == 10
        assert variable("limit", int, default=None) is None
        assert asyncio.run(avariable("limit", int, default=None)) is None


@pytest.mark.parametrize(("read", "code"), [(variable, "FT-VARIABLE"), (secret, "FT-SECRET")])
def test_a_missing_value_without_a_default_says_its_name_and_where_to_create_it(
    read: Callable[..., Any], code: str
) -> None:
    with override(), pytest.raises(FlowOpsError, match=f"{code}-02") as caught:
        read("erp-password")
    assert "erp-password" in str(caught.value)
    place = {
        "FT-VARIABLE": "Prefect's UI, under Variables",
        "FT-SECRET": "Prefect's UI, under Blocks > Secret",
    }
    assert f"create it in {place[code]}, " in str(caught.value)


@pytest.mark.parametrize(
    ("read", "code", "name", "suggestion"),
    [
        (secret, "FT-SECRET-01", "mi_secreto", "mi-secreto"),
        (secret, "FT-SECRET-01", "ERP Password", "erp-password"),
        (secret, "FT-SECRET-01", "", ""),
        (variable, "FT-VARIABLE-01", "Límite Máximo", "limite_maximo"),
        (variable, "FT-VARIABLE-01", "a" * 256, "a" * 255),
        (variable, "FT-VARIABLE-01", "limit\n", "limit"),
    ],
)
def test_an_illegal_name_is_refused_before_anything_is_asked(
    read: Callable[..., Any], code: str, name: str, suggestion: str
) -> None:
    with pytest.raises(FlowOpsError, match=code) as caught:
        read(name)
    assert suggestion in str(caught.value)


@pytest.mark.parametrize("read", [variable, secret])
def test_a_test_is_told_of_its_fixture_first_and_a_run_never(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def advice() -> list[str]:
        with pytest.raises(FlowOpsError, match="-04") as outside:
            read("erp-password")
        with override(), pytest.raises(FlowOpsError, match="-02") as missing:
            read("erp-password")
        return [str(each.value).partition("What to do: ")[2] for each in (outside, missing)]

    fixture = (
        f"in a test, the fixture {read.__name__}s gives the value; in the end-to-end test e2e_values does"
    )
    assert [each.startswith(fixture) for each in advice()] == [True, True]
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert [word in each for each in advice() for word in ("test", "fixture")] == [False] * 4


@pytest.mark.parametrize(("read", "code"), [(variable, "FT-VARIABLE-04"), (secret, "FT-SECRET-04")])
def test_reading_outside_a_run_explains(read: Callable[..., Any], code: str) -> None:
    with pytest.raises(FlowOpsError, match=f"(?s){code}.*outside a run.*@flow or @task"):
        read("erp-password")


def test_a_variable_of_another_type_is_shown_with_what_is_wrong_of_it() -> None:
    with (
        override(variables={"port": "localhost"}),
        pytest.raises(FlowOpsError, match="FT-VARIABLE-03") as caught,
    ):
        variable("port", int)
    assert "'localhost'" in str(caught.value).partition("\n")[0]
    assert "(int_parsing)" in str(caught.value)


def test_a_secret_of_another_type_is_refused_without_showing_it() -> None:
    with override(secrets={"port": "hunter2"}), pytest.raises(FlowOpsError, match="FT-SECRET-03") as caught:
        secret("port", int)
    told = f"{caught.value!r} {caught.value} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "hunter2" not in told
    assert "int" in told


def test_a_secret_is_masked_from_its_first_reading(masked: list[object]) -> None:
    with override(secrets={"plain": "hunter2", "database": {"user": "ana", "keys": ["k1", 4242]}}):
        assert masked == []
        secret("plain")
        asyncio.run(asecret("database", dict))
    assert masked == ["hunter2", {"user": "ana", "keys": ["k1", 4242]}]


def test_a_secret_is_masked_even_where_its_type_is_refused(masked: list[object]) -> None:
    with override(secrets={"port": "hunter2"}), pytest.raises(FlowOpsError):
        secret("port", int)
    assert masked == ["hunter2"]


def test_overrides_reach_other_threads_can_be_added_to_and_end() -> None:
    seen: list[str] = []
    with override() as values:
        values.variables["name"] = "later"
        thread = Thread(target=lambda: seen.append(variable("name")))
        thread.start()
        thread.join()
        with override(variables={"name": "inner"}):
            assert variable("name") == "inner"
        assert variable("name") == "later"
    assert seen == ["later"]
    with pytest.raises(FlowOpsError, match="FT-VARIABLE-04"):
        variable("name")


# --- with a server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[SyncPrefectClient]:
    """The shared server, with a Variable and a Secret block."""
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        client.create_variable(VariableCreate(name="orders-limit", value=1000))
        Secret(value=SecretStr(SECRET)).save("erp-password")
        yield client


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the Variables and blocks that this process asks the server for."""
    paths: list[str] = []
    send = PrefectHttpxSyncClient.send

    def counting(self: PrefectHttpxSyncClient, request: Request, *args: Any, **kwargs: Any) -> Any:
        if "/variables/name/" in request.url.path or "/block_documents/" in request.url.path:
            paths.append(request.url.path)
        return send(self, request, *args, **kwargs)

    send_async = PrefectHttpxAsyncClient.send

    async def counting_async(
        self: PrefectHttpxAsyncClient, request: Request, *args: Any, **kwargs: Any
    ) -> Any:
        if "/variables/name/" in request.url.path or "/block_documents/" in request.url.path:
            paths.append(request.url.path)
        return await send_async(self, request, *args, **kwargs)

    monkeypatch.setattr(PrefectHttpxSyncClient, "send", counting)
    monkeypatch.setattr(PrefectHttpxAsyncClient, "send", counting_async)
    return paths


@pytest.mark.e2e
@pytest.mark.usefixtures("client")
def test_a_run_reads_each_value_from_the_server_once_whatever_tasks_ask_for_it(
    requests: list[str], masked: list[object]
) -> None:
    @task
    def in_a_task() -> tuple[int, str]:
        return variable("orders-limit", int), secret("erp-password")

    @flow
    def reads() -> list[tuple[int, str]]:
        here = variable("orders-limit", int), secret("erp-password")
        return [here, in_a_task(), in_a_task.submit().result()]

    assert reads() == [(1000, "hunter2-éñ")] * 3
    assert len(requests) == 2
    assert set(masked) == {"hunter2-éñ"}
    reads()
    assert len(requests) == 4, "a second run must see a value changed in between"


@pytest.mark.e2e
@pytest.mark.usefixtures("client")
def test_those_who_ask_at_once_wait_for_one_request(requests: list[str]) -> None:
    @flow
    def reads_in_threads() -> list[str]:
        with ThreadPoolExecutor(20) as pool:
            contexts = [copy_context() for _ in range(100)]
            return list(pool.map(lambda context: context.run(secret, "erp-password"), contexts))

    @flow
    async def reads_in_tasks() -> list[str]:
        return await asyncio.gather(*(asecret("erp-password") for _ in range(100)))

    assert set(reads_in_threads()) == {SECRET}
    assert len(requests) == 1
    assert set(asyncio.run(reads_in_tasks())) == {SECRET}
    assert len(requests) == 2


@pytest.mark.e2e
def test_what_was_missing_is_found_by_a_retry_once_somebody_made_it(client: SyncPrefectClient) -> None:
    seen: list[str] = []

    @flow(retries=1)
    def reads() -> tuple[str, str]:
        try:
            return variable("made-late"), secret("made-late")
        except FlowOpsError as problem:
            seen.append(problem.code)
            client.create_variable(VariableCreate(name="made-late", value="here"))
            Secret(value=SecretStr("hunter22")).save("made-late")
            raise

    assert reads() == ("here", "hunter22")
    assert seen == ["FT-VARIABLE-02"]


@pytest.mark.e2e
@pytest.mark.usefixtures("client")
def test_async_runs_read_from_the_server_too() -> None:
    @flow
    async def reads() -> tuple[int, str, int]:
        limit = await avariable("orders-limit", int)
        return limit, await asecret("erp-password"), await avariable("no-such-variable", int, default=7)

    assert asyncio.run(reads()) == (1000, "hunter2-éñ", 7)


@pytest.mark.e2e
@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("read", "code"), [(variable, "FT-VARIABLE-02"), (secret, "FT-SECRET-02")])
def test_what_the_server_does_not_have_fails_the_run_with_the_message(
    read: Callable[..., Any], code: str
) -> None:
    @flow
    def reads() -> Any:
        return read("no-such-name")

    state: Any = reads(return_state=True)
    assert state.is_failed()
    assert code in str(state.message)
    assert "no-such-name" in str(state.message)


SECRET = "hunter2-éñ"  # noqa: S105
READS_ON_A_WORKER = """
import time
from pathlib import Path
from prefect import flow
from flow_ops.logs import get_logger
from flow_ops.secrets import secret

@flow(persist_result=True)
def connects(folder: str):
    password = secret("erp-password")
    get_logger("flow").info("connecting with %s", password)
    Path(folder, "reading").touch()
    while not Path(folder, "end").exists():
        time.sleep(0.2)
    return len(password)
"""


@pytest.mark.slow
@pytest.mark.e2e
def test_a_secret_read_on_a_worker_is_in_no_record_process_log_result_or_file(
    client: SyncPrefectClient, server: Server, repository: Path, tmp_path: Path
) -> None:
    code, data = tmp_path / "code", tmp_path / "data"
    code.mkdir()
    data.mkdir()
    (code / "flows.py").write_text(READS_ON_A_WORKER, encoding="utf-8")
    client.create_work_pool(WorkPoolCreate(name="secretive", type="process"))
    source: Any = flow.from_source(str(code), entrypoint="flows.py:connects")
    environment = {
        "PYTHONPATH": str(repository / "src"),
        "FLOW_PROJECT_ROOT": str(repository),
        "FLOW_LOG_DIR": str(data / "logs"),
        "PREFECT_LOCAL_STORAGE_PATH": str(data / "results"),
    }
    deployment = source.deploy(
        name="prod",
        work_pool_name="secretive",
        parameters={"folder": str(data)},
        job_variables={"env": environment},
        build=False,
        ignore_warnings=True,
        print_next_steps=False,
    )
    with prefect_worker(server, "secretive", data):
        run = client.create_flow_run_from_deployment(deployment).id
        wait_until((data / "reading").exists, seconds=90, what="the reading of the secret")
        processes = [_command_and_environment(pid) for pid in Path("/proc").glob("[0-9]*")]
        (data / "end").touch()
        wait_until(
            lambda: client.read_flow_run(run).state_name == "Completed", seconds=60, what="the run's end"
        )
        logs_of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
        wait_until(
            lambda: any("connecting with" in log.message for log in client.read_logs(logs_of_run)),
            seconds=30,
            what="the log on the server",
        )
    records = [
        client.read_deployment(deployment).model_dump_json(),
        client.read_flow_run(run).model_dump_json(),
        *(log.message for log in client.read_logs(logs_of_run)),
    ]
    assert any(str(run) in process for process in processes), "the run's process was not looked at"
    assert list((data / "results").iterdir()), "no result was persisted"
    assert "connecting with" in (data / "logs").glob("*.log").__next__().read_text(encoding="utf-8")
    for text in (*records, *processes):
        assert SECRET not in text
    # Prefect's database too, where the block's value is encrypted.
    for folder in (tmp_path, server.home):
        for file in folder.rglob("*"):
            if file.is_file():
                assert SECRET.encode() not in file.read_bytes(), file


def _command_and_environment(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace") + (process / "environ").read_text(
            errors="replace"
        )
    except OSError:
        return ""
