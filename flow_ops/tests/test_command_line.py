"""`uv run <slug>`: a flow's parameters as options, its outcome as the exit status."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prefect import State, flow
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, PREFECT_HOME, temporary_settings
from prefect.states import Paused

from flow_ops import arguments, command_line, flow_parameters, logs
from helpers.workshop import LOST, proxy

if TYPE_CHECKING:
    from helpers.support import Server


@flow(name="daily", description="A flow with every kind of parameter.")
def daily(path: Path, since: date | None = None, codes: list[int] | None = None, *, dry: bool = False) -> str:
    """Do a day's work.

    Args:
        path: Where 100 % of the data is.
        since: The first day.
        codes: Codes to keep.
        dry: Change nothing.
    """
    return f"{path} {since} {codes} {dry}"


def parse(*tokens: str) -> dict[str, object]:
    """Return the parameters that a command line gives to the flow."""
    given: dict[str, object] = {}
    line = flow_parameters.command_line(daily, lambda parameters: given.update(parameters) or 0)
    assert arguments.execute(line, tokens) == 0
    return given


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")


def test_values_become_the_types_of_the_signature() -> None:
    assert parse("--path", "C:/data", "--since", "2026-03-01", "--codes", "[1, 2]", "--dry", "true") == {
        "path": Path("C:/data"),
        "since": date(2026, 3, 1),
        "codes": [1, 2],
        "dry": True,
    }


def test_parameters_left_out_keep_their_defaults() -> None:
    assert parse("--path", "x") == {"path": Path("x")}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Usage:", "(required)", "Parameters of the flow:")),
        ("es", ("Uso:", "(obligatorio)", "Parámetros del flujo:")),
    ],
)
def test_help_describes_each_parameter_in_the_users_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", language)
    assert command_line.run_flow(daily, ["--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Where 100 % of the data is." in told
    assert all(word in told for word in words)


def test_a_parameter_whose_name_the_command_line_takes_itself_has_a_longer_option() -> None:
    @flow
    def helpful(help: str, flow: int = 1) -> None:  # noqa: A002
        """Do what is asked."""

    given: dict[str, object] = {}
    line = flow_parameters.command_line(helpful, lambda parameters: given.update(parameters) or 0)
    assert arguments.execute(line, ["--help-parameter", "me", "--flow-parameter=2"]) == 0
    assert given == {"help": "me", "flow": 2}


def test_ctrl_c_in_a_command_is_said_in_a_word_and_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    line = arguments.app("deploy.py")

    @line.command
    def plan() -> None:
        raise KeyboardInterrupt

    assert arguments.execute(line, ["plan"]) == arguments.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"


def test_the_command_flow_ops_does_not_wait_for_prefect() -> None:
    code = "import sys, flow_ops.cli; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-B", "-c", code], check=True, capture_output=True, text=True)
    assert "flow_ops.updates" in imported.stdout.split()
    assert "prefect" not in imported.stdout.split()


def test_a_persons_first_command_shows_no_notice_of_prefects_about_usage_data(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect", reason="terminals of this kind are POSIX only")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # neither DO_NOT_TRACK nor what CI sets

    def shown(module: str) -> str:
        home = {"PREFECT_HOME": str(tmp_path / module)}
        command = f"{sys.executable} -c 'import {module}'"
        return str(pexpect.run(command, env=environment | home, encoding="utf-8"))

    assert "anonymous usage data" in shown("prefect")
    assert shown("flow_ops.deployment") == ""


@pytest.mark.parametrize(
    ("tokens", "code", "told"),
    [
        (
            ["--path", "x", "--since", "yesterday"],
            "FT-ARGS-02",
            "--since does not take the value 'yesterday': it is not of type date.",
        ),
        (["--path", "x", "--codes", '["y"]'], "FT-ARGS-02", "0: Input should be a valid integer"),
        (["--path", "x", "--sinc", "2026-03-01"], "FT-ARGS-01", "Did you mean --since?"),
        (["--path", "x", "--to", "y"], "FT-ARGS-01", "--to is not an option.\n"),
        ([], "FT-ARGS-01", "--path is missing."),
        (["--path"], "FT-ARGS-01", "--path has no value."),
        (["--path", "x", "--path", "y"], "FT-ARGS-01", "--path is given twice."),
        (["--path", "x", "more"], "FT-ARGS-01", "not expected: more"),
    ],
    ids=[
        "value of a wrong type",
        "value of a wrong type in a list",
        "mistyped option",
        "an option like no other",
        "missing parameter",
        "no value",
        "twice",
        "too much",
    ],
)
def test_a_wrong_command_line_is_a_coded_message(
    capsys: pytest.CaptureFixture[str], tokens: list[str], code: str, told: str
) -> None:
    assert command_line.run_flow(daily, tokens) == 1
    output = capsys.readouterr()
    assert output.err.startswith(code)
    assert told in output.err
    assert output.out == ""


@pytest.mark.slow
def test_a_temporary_server_that_does_not_start_in_time_is_said_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import test_command_line as t; print(t.command_line.run_flow(t.daily, ['--path=x']))",
        ],
        cwd=Path(__file__).parent,
        env={
            **os.environ,
            "FLOW_LANGUAGE": "en",
            "PREFECT_HOME": str(tmp_path),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "1",
        },
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout.splitlines()[-1] == "1"
    told = done.stderr.partition("FT-RUN-07  ")[2].partition("\n")[0]
    assert told == "Prefect's temporary server did not answer in time, and the flow did not start."


@pytest.mark.parametrize(
    ("url", "runner", "told"),
    [
        ("http://127.0.0.1:9/api", "", "FT-SERVER-03  The Prefect server at http://127.0.0.1:9/api"),
        ("http://127.0.0.1:9", "", "FT-SERVER-02"),
        ("127.0.0.1:9/api", "", "FT-SERVER-02"),
        (None, "spark", "FT-RUNNER-01"),
        (None, "processes", "FT-RUNNER-03"),
    ],
    ids=["a dead server", "no /api", "no http://", "a mistyped task runner", "processes without a server"],
)
def test_a_place_that_cannot_be_used_is_named_before_anything_runs(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    url: str | None,
    runner: str,
    told: str,
) -> None:
    monkeypatch.setenv("FLOW_TASK_RUNNER", runner)
    with temporary_settings({PREFECT_API_URL: url}):
        status = command_line.run_flow(daily, ["--path", "x"])
    assert status == 1
    output = capsys.readouterr()
    assert output.err.startswith(told)
    assert output.out == ""


def test_an_address_without_its_api_is_advised_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/"}):
        assert command_line.run_flow(daily, ["--path", "x"]) == 1
    assert "config set PREFECT_API_URL=http://127.0.0.1:9/api\n" in capsys.readouterr().err


@pytest.mark.e2e
@pytest.mark.usefixtures("repository")  # whose log file another test's loggers may write to
def test_a_server_that_is_lost_in_the_middle_of_a_run_is_told_with_its_code(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lost: list[bool] = []

    @flow(timeout_seconds=60)
    def loses_its_server() -> None:
        lost.append(True)

    with (
        proxy(server.url, lambda *_: LOST if lost else None) as (url, _),
        temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
    ):
        assert command_line.run_flow(loses_its_server, []) == 1
    told = capsys.readouterr().err
    assert f"FT-RUN-04  The connection to the Prefect server at {url} was lost" in told
    assert "Traceback" not in told


LACKS_A_VALUE = """\
from prefect import flow, task
from flow_ops.command_line import run_flow
from flow_ops.logs import get_logger
from flow_ops.secrets import variable

get_logger()

@task
def reads():
    return variable("never-made")

@flow
def daily():
    reads()

raise SystemExit(run_flow(daily, []))
"""


@pytest.mark.e2e
def test_what_a_flow_lacks_is_told_with_its_line_and_page_and_not_with_prefects_way_there(
    repository: Path, server: Server, tmp_path: Path
) -> None:
    root = shutil.copytree(repository, tmp_path / "repository")
    (root / "lacks.py").write_text(LACKS_A_VALUE, encoding="utf-8")
    environment = {**os.environ, "PREFECT_API_URL": server.url, "FLOW_PROJECT_ROOT": str(root)}
    del environment["PYTEST_CURRENT_TEST"]
    done = subprocess.run(
        [sys.executable, "lacks.py"],
        cwd=root,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 1
    site = server.url.removesuffix("/api") + "/v2"
    assert f"View at {site}/runs/flow-run/" in done.stderr
    assert "Traceback" not in done.stderr
    way = "lacks.py:16, in <module>\nlacks.py:14, in daily\nlacks.py:10, in reads\n"
    assert "\nlacks.py:10, in reads\nFT-VARIABLE-02  The Variable 'never-made'" in done.stderr
    assert f"\n{way}" in done.stderr or "\nlacks.py:14, in daily\nlacks.py:10, in reads\n" in done.stderr
    assert "\\n" not in done.stderr, "a message that Prefect shows in one line is cut to its first"
    assert done.stderr.count("What to do: ") == 2, "where it happened, and at the end"
    assert done.stderr.endswith(
        "FT-VARIABLE-02  The Variable 'never-made' does not exist on the server.\n"
        "  Why: the code asks for it without a default, so the run cannot go on.\n"
        f"  What to do: create it in {site}/variables, or with: uv run prefect variable set never-made VALUE; "
        "or give default=... in the code.\n"
    )


@pytest.mark.e2e
@pytest.mark.usefixtures("repository")
def test_a_flow_that_neither_completes_nor_fails_is_told_with_its_state(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    @flow
    def waits() -> State[Any]:
        return Paused(message="for an approval\nof somebody")

    with temporary_settings({PREFECT_API_URL: server.url}):
        assert command_line.run_flow(waits, []) == 1
    assert "FT-RUN-01  The run ended in state Paused: for an approval\n  Why" in capsys.readouterr().err


@pytest.mark.e2e
@pytest.mark.usefixtures("repository")
def test_a_secret_in_what_ended_a_run_is_masked_in_the_last_line_too(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.add_secret("hunter2-of-this-test")

    @flow
    def fails() -> None:
        raise RuntimeError("no entry with hunter2-of-this-test")

    with temporary_settings({PREFECT_API_URL: server.url}):
        assert command_line.run_flow(fails, []) == 1
    told = capsys.readouterr().err.partition("FT-RUN-01")[2]
    assert "no entry with ***" in told
    assert "hunter2" not in told


def test_a_folder_that_prefect_cannot_write_to_is_refused_before_the_temporary_server_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").touch()
    home = tmp_path / "a-file" / "prefect"
    with temporary_settings({PREFECT_HOME: home}, restore_defaults={PREFECT_API_URL}):
        assert command_line.run_flow(daily, ["--path", "x"]) == 1
    assert f"FT-RUN-05  Prefect's folder {home} cannot be written to" in capsys.readouterr().err


def test_what_the_machine_does_not_allow_is_a_coded_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = arguments.app("copies")
    line.default(lambda: (tmp_path / "missing" / "file").write_text("x"))
    assert arguments.execute(line, []) == 1
    told = capsys.readouterr().err
    assert told.startswith("FT-MACHINE-03  This machine refused the operation: ")
    assert repr(str(tmp_path / "missing" / "file")) in told
    assert "Traceback" not in told
