"""The pytest plugin of repositories, in sessions of their own: what it hides, refuses, offers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flow_ops.network import is_loopback
from flow_ops.testing import server as testing_server
from helpers.repositories import make_repository
from helpers.support import TEN_SUBFLOWS, not_on_windows, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    Session = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def session(made: Path, tmp_path: Path) -> Session:
    """A function that runs a test module, whose text is given, in a pytest of its own."""
    return session_in(made, tmp_path)


def session_in(made: Path, tmp_path: Path) -> Session:
    folder = tmp_path / "tests"
    folder.mkdir()

    def run(
        *texts_and_options: str, conftest: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        texts = [each for each in texts_and_options if not each.startswith("-")]
        options = [each for each in texts_and_options if each.startswith("-")]
        line = (made / "tests" / "conftest.py").read_text(encoding="utf-8")
        (folder / "conftest.py").write_text(conftest + line, encoding="utf-8")
        for number, text in enumerate(texts):
            (folder / f"test_{number}.py").write_text(text, encoding="utf-8")
        ini = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
        (tmp_path / "pyproject.toml").write_text(ini, encoding="utf-8")
        variables = {**os.environ, "FLOW_LANGUAGE": "en", **environment}
        variables |= {"PYTHONPATH": str(made / "src")}
        variables["FLOW_PROJECT_ROOT"] = str(made)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "tests"],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library's folder in an empty cache, of this test alone; the other sessions have that of these tests."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    return tmp_path / "cache" / "flow-ops"


def test_what_needs_the_server_comes_after_the_tests_beside_which_it_starts(session: Session) -> None:
    told = session("def test_flow(prefect_server): ...\n", "def test_rule(): ...\n", "--collect-only").stdout
    assert told.index("test_rule") < told.index("test_flow")


ISOLATED = """
import os
import sys
from pathlib import Path
from prefect.settings import get_current_settings, PREFECT_API_KEY, PREFECT_API_URL

def test_no_server():
    assert not list(os.scandir(os.environ["PREFECT_HOME"]))
    assert "prefect.server.api.server" not in sys.modules, "its import takes seconds of each session"

def test_isolated():
    settings = get_current_settings()
    assert settings.home.name.startswith("flow-tests-")
    assert settings.profiles_path.parent == settings.home
    assert PREFECT_API_URL.value() is None and PREFECT_API_KEY.value() is None
    assert settings.server.analytics_enabled is False
    assert settings.logging.level != "CRITICAL"
    assert "FLOW_DATABASE_URL" not in os.environ
    # Nor which repository a git hook stands in.
    assert "GIT_DIR" not in os.environ
    assert Path.cwd() != settings.home
"""


@dataclass(frozen=True)
class Quiet:
    """A session of tests that ask for no server, where settings lie about and a warning is an error, and what it left."""

    answer: subprocess.CompletedProcess[str]
    left: list[Path]

    @property
    def output(self) -> str:
        return self.answer.stdout + self.answer.stderr


@pytest.fixture(scope="module")
def quiet(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    folder, temporary = tmp_path_factory.mktemp("quiet"), tmp_path_factory.mktemp("temporary")
    (folder / ".env").write_text("PREFECT_API_URL=http://10.0.0.1:4200/api\n", encoding="utf-8")
    (folder / "prefect.toml").write_text('[logging]\nlevel = "CRITICAL"\n', encoding="utf-8")
    home = folder / "home"
    (home / ".prefect").mkdir(parents=True)
    profile = 'active = "p"\n[profiles.p]\nPREFECT_API_URL = "http://10.0.0.2:4200/api"\n'
    (home / ".prefect" / "profiles.toml").write_text(profile, encoding="utf-8")
    answer = session_in(made, folder)(
        ISOLATED,
        BEYOND,
        PLAIN,
        "-rA",
        "-Werror::pytest.PytestAssertRewriteWarning",
        conftest="from flow_ops.testing import EndToEndValues\n\n",
        HOME=str(home),
        USERPROFILE=str(home),
        TMPDIR=str(temporary),
        PREFECT_API_URL="http://10.0.0.3:4200/api",
        PREFECT_API_KEY="hidden-key",
        FLOW_DATABASE_URL="postgresql://prod/db",
        GIT_DIR=str(folder / "hooked"),
    )
    return Quiet(answer, list(temporary.glob("flow-tests-*")))


def test_nothing_of_the_person_or_the_folder_reaches_prefect(quiet: Quiet) -> None:
    assert "PASSED tests/test_0.py::test_isolated" in quiet.output
    assert "hidden-key" not in quiet.output


def test_a_server_that_no_test_asks_for_is_neither_started_nor_imported(quiet: Quiet) -> None:
    assert "PASSED tests/test_0.py::test_no_server" in quiet.output


def test_nothing_is_left_of_a_session(quiet: Quiet) -> None:
    assert quiet.answer.returncode == pytest.ExitCode.TESTS_FAILED
    assert quiet.left == []


def test_a_conftest_may_import_what_the_readme_shows_where_warnings_are_errors(quiet: Quiet) -> None:
    assert "PASSED tests/test_0.py::test_isolated" in quiet.output
    assert "PytestAssertRewriteWarning" not in quiet.output


BEYOND = """
import asyncio, pytest
from prefect.client.orchestration import PrefectClient, SyncPrefectClient

def test_sync():
    SyncPrefectClient("http://prefect.example:4200/api").hello()

def test_async():
    async def call():
        async with PrefectClient("http://10.1.2.3:4200/api") as client:
            await client.hello()
    asyncio.run(call())
"""


def test_a_request_beyond_loopback_is_refused_and_says_why(quiet: Quiet) -> None:
    for test, host in (("test_sync", "prefect.example"), ("test_async", "10.1.2.3")):
        assert f"FAILED tests/test_1.py::{test}" in quiet.output
        assert f"A test called a Prefect server at '{host}', which is not this machine." in quiet.output


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(f"http://{host}:4200/api") is loopback


@pytest.mark.slow
def test_prefect_imported_before_the_plugin_is_refused(session: Session) -> None:
    answer = session("def test_it(): ...", conftest="import prefect\n")
    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "FT-TEST-04" in answer.stderr
    assert "Traceback" not in answer.stderr


PLAIN = """
import prefect
from flow_ops.logs import get_logger
from flow_ops.secrets import secret, variable

logger = get_logger("it")

@prefect.task
def double(x):
    logger.info("doubling %s", x)
    return 2 * x * variable("factor", int, default=1)

@prefect.flow
def both():
    return double.fn(1), secret("password")

def test_plain(variables, secrets):
    assert double.fn(2) == 4
    variables["factor"] = 10
    secrets["password"] = "hidden"
    assert both.fn() == (20, "hidden")

def test_nothing_is_left_of_the_values(variables):
    assert double.fn(2) == 4

def test_forgot_the_server():
    double(1)

def test_forgot_the_value():
    both.fn()

def test_schedule():
    from datetime import datetime
    from flow_ops.testing import next_local_runs
    # New York loses an hour on 8 March 2026.
    runs = next_local_runs("30 1,13 * * *", "America/New_York", after=datetime(2026, 3, 7, 20))
    assert [run.isoformat() for run in runs] == [
        "2026-03-08T01:30:00-05:00", "2026-03-08T13:30:00-04:00", "2026-03-09T01:30:00-04:00"
    ]
"""


def test_functions_run_plainly_and_a_forgotten_server_is_named(quiet: Quiet) -> None:
    for test in ("test_plain", "test_nothing_is_left_of_the_values", "test_schedule"):
        assert f"PASSED tests/test_2.py::{test}" in quiet.output
    assert "FAILED tests/test_2.py::test_forgot_the_server" in quiet.output
    assert "FT-TEST-02  'test_forgot_the_server' calls a flow or a task" in quiet.output


def test_a_problem_of_ours_is_shown_as_its_message_before_the_lines_that_met_it(quiet: Quiet) -> None:
    shown = quiet.output.partition("_ test_forgot_the_value _")[2].partition("\n----")[0].splitlines()
    line = PLAIN.splitlines().index('    return 2 * x * variable("factor", int, default=1)') + 1
    assert shown[1].startswith("FT-VARIABLE-04  ")
    assert [each.split(":")[0].strip() for each in shown[2:4]] == ["Why", "What to do"]
    # And no more, up to what pytest itself shows of a test: its log.
    assert shown[-1] == f"{Path('tests', 'test_2.py')}:{line}, in double"
    assert "::test_forgot_the_value - FT-VARIABLE-04  The Variable" in quiet.output


AT_IMPORT = """
from flow_ops.secrets import variable

LIMIT = variable("orders-limit", int)

def test_limit():
    assert LIMIT
"""


def test_a_problem_of_ours_in_an_import_is_shown_so_too(session: Session) -> None:
    lines = session(AT_IMPORT).stdout.splitlines()
    (first,) = (number for number, line in enumerate(lines) if line.startswith("FT-VARIABLE-04  "))
    assert lines[first + 3].endswith(":4, in <module>")
    assert lines[first + 4].startswith("====")


TELLS = """
import pytest

@pytest.fixture(scope="session")
def _told():
    return ["FT-TEST-07  The flow needs a value."]

@pytest.mark.parametrize("check", range(3))
def test_check(check, story): ...
"""


@pytest.mark.slow
def test_a_deployment_that_fails_fails_one_of_its_checks_and_skips_the_others(session: Session) -> None:
    output = session(TELLS, "-rs").stdout
    assert output.count("FT-TEST-07  The flow needs a value.") == 1
    assert "SKIPPED [2] " in output
    assert "2 skipped, 1 error in" in output


ON_A_SERVER = """
import os
import time

import prefect
import pytest
from prefect.client.orchestration import get_client
from flow_ops.logs import get_logger

logger = get_logger("it")

@prefect.task
def double(x):
    logger.info("doubling %s", x)
    return 2 * x

@prefect.flow
def sync_flow():
    return double(1)

@prefect.flow
async def async_flow():
    return double.submit(2).result()

def test_sync_flow(prefect_server, flow_logs):
    state = sync_flow(return_state=True)
    assert state.is_completed()
    assert "doubling 1" in flow_logs(state)

@pytest.mark.anyio
async def test_async_flow(prefect_server):
    assert await async_flow() == 4

def test_worker(work_pool, run_worker_once, flow_logs, tmp_path):
    (tmp_path / "code.py").write_text(
        "import prefect\\n@prefect.flow(log_prints=True)\\ndef hello(): print('hello from a worker')\\n"
    )
    deployed = prefect.flow.from_source(str(tmp_path), "code.py:hello")
    deployment = deployed.deploy("here", work_pool_name=work_pool, print_next_steps=False)
    with get_client(sync_client=True) as client:
        client.create_flow_run_from_deployment(deployment)
    (run,) = run_worker_once(work_pool)
    assert run.state.is_completed()
    assert "hello from a worker" in flow_logs(run)
"""


@pytest.mark.slow
@pytest.mark.e2e
def test_flows_and_a_worker_run_on_the_sessions_server_which_ends_without_noise(session: Session) -> None:
    answer = session(ON_A_SERVER, "-s")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    # What is printed after the last line of pytest's is noise.
    after = re.split(r"3 passed.*\n", answer.stdout)[1]
    assert after == ""
    assert "Logging error" not in answer.stderr
    assert "Traceback" not in answer.stderr


PARALLEL = f"""{TEN_SUBFLOWS}
import pytest
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

@pytest.mark.anyio
async def test_it(prefect_server):
    # One refusal is enough to fail.
    with temporary_settings({{PREFECT_CLIENT_MAX_RETRIES: 0}}):
        assert await many() == 45
"""


@pytest.mark.slow
@pytest.mark.e2e
def test_the_server_refuses_nothing_because_parallel_subflows_write_at_a_time(session: Session) -> None:
    answer = session(PARALLEL)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
@pytest.mark.e2e
def test_two_workers_of_xdist_have_a_server_each_and_share_the_migrated_database(
    session: Session, cache: Path
) -> None:
    text = """
import os, pathlib
import prefect, pytest
@prefect.flow
def f(): return 1
@pytest.mark.parametrize("n", range(2))
def test_it(prefect_server, n):
    assert f() == 1
"""
    answer = session(text, "-n2", "--dist=each")
    assert "4 passed" in answer.stdout, answer.stdout + answer.stderr
    assert [file.suffix for file in cache.iterdir()] == [".db"]


@pytest.mark.slow
@pytest.mark.e2e
def test_a_copy_that_does_not_fit_falls_back_to_prefects_harness_and_is_thrown_away(
    session: Session, cache: Path
) -> None:
    copy = cache / testing_server._migrated().name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"no database at all, and long enough for SQLite to notice so")
    answer = session(
        "import prefect\n@prefect.flow\ndef f(): return 1\ndef test_it(prefect_server): assert f() == 1\n",
        "-ofilterwarnings=error\nignore:unclosed <socket:ResourceWarning",
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "FT-TEST-03" in answer.stdout
    assert not copy.exists()


@pytest.mark.slow
@pytest.mark.e2e
@not_on_windows("no signal ends a process without its knowing")
def test_a_session_that_is_killed_leaves_no_server(session: Session) -> None:
    answer = session(
        "import os, signal\n"
        "def test_it(prefect_server):\n"
        "    print('server:', prefect_server.url, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
        "-s",
    )
    (url,) = re.findall(r"server: (\S+)", answer.stdout)
    wait_until(lambda: not testing_server._answers(f"{url}/health"), seconds=20, what="the server's end")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--collect-only", "--numprocesses=1"])
def test_a_process_that_runs_no_tests_begins_no_server(session: Session, option: str) -> None:
    said = """
import os
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure():
    print("HOME", os.listdir(os.environ["PREFECT_HOME"]))
"""
    answer = session(
        "def test_it(prefect_server): ...\n" if option == "--collect-only" else "def test_it(): ...\n",
        option,
        conftest=said,
    )
    assert "HOME []" in answer.stdout, answer.stdout


@pytest.mark.slow
@not_on_windows("it has no SIGTERM that a process can answer")
def test_a_session_that_is_terminated_still_tidies_up(session: Session, tmp_path: Path) -> None:
    text = "import os, time\ndef test_it():\n    os.kill(os.getpid(), 15); time.sleep(60)\n"
    answer = session(text, TMPDIR=str(tmp_path))
    assert answer.returncode == pytest.ExitCode.INTERRUPTED
    assert not list(tmp_path.glob("flow-tests-*"))
