"""`uv run <slug>`: a flow's parameters as options, its outcome as the exit status."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from flow_ops import command_line
from flow_ops.messages import FlowOpsError
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings


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


def parse(*arguments: str) -> dict[str, object]:
    parser = command_line.Parser(prog="daily")
    command_line.add_parameters(parser, daily)
    return command_line.read_parameters(daily, parser.parse_args(arguments))


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


def test_help_describes_each_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    assert "Where 100 % of the data is." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("module", ["new_flow", "updates", "worker_service"])
def test_a_command_that_runs_no_flow_does_not_wait_for_prefect(module: str) -> None:
    folder = Path(command_line.__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import flow_ops.{module}; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-B", "-c", code], check=True, capture_output=True, text=True)
    assert f"flow_ops.{module}" in imported.stdout.split()
    assert "prefect" not in imported.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--path", "x", "--since", "yesterday"], "FT-ARGS-02"),
        (["--path", "x", "--sinc", "2026-03-01"], "FT-ARGS-01"),
        ([], "FT-ARGS-01"),
    ],
    ids=["value of a wrong type", "mistyped option", "missing parameter"],
)
def test_a_wrong_command_line_is_a_coded_message(arguments: list[str], code: str) -> None:
    with pytest.raises(FlowOpsError) as caught:
        parse(*arguments)
    assert caught.value.code == code


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
