"""What a screen shows besides the words: colours, a line that moves while something is waited for, many deployments."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from prefect.states import Completed

from flow_ops import arguments, screen
from flow_ops.deploy import report
from flow_ops.deploy.planning import Plan
from flow_ops.deploy.state import Difference
from flow_ops.deploy.targets import targets
from flow_ops.deployment import Deployments, Environment, GitSource
from flow_ops.messages import FlowOpsError
from helpers.repositories import TIMEZONE
from helpers.support import wait_until
from helpers.workshop import (
    FLOW,
    FULL_NAME,
    PACKAGE,
    SLUG,
    Workshop,
    apply,
    clear,
    deploy,
    on_server,
    pointing_at,
    proxy,
    with_prod,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ESCAPE = "\x1b"


class Terminal(io.StringIO):
    """A screen that keeps all that was ever written on it."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def on_screen(**variables: str) -> Iterator[Terminal]:
    """Stand at a terminal of 80 columns, for standard output and errors."""
    made = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", **variables}.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(made), contextlib.redirect_stderr(made):
            yield made


@contextlib.contextmanager
def into_a_file() -> Iterator[io.StringIO]:
    """Stand where standard output is no terminal."""
    with contextlib.redirect_stdout(io.StringIO()) as made:
        yield made


@pytest.fixture
def cleared(workshop: Workshop) -> Iterator[Workshop]:
    """A server with nothing deployed, which is left so."""
    clear(workshop.client)
    yield workshop
    clear(workshop.client)


def test_a_line_that_is_printed_while_another_moves_stands_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_SOON", 0)
    with on_screen() as terminal, report.waiting("waiting"):
        wait_until(lambda: "waiting" in terminal.getvalue(), seconds=10, what="the line that moves")
        screen.line("told")
    assert f"\r{ESCAPE}[2Ktold\n" in terminal.getvalue()


# --- colours


@pytest.mark.e2e
def test_with_no_color_and_into_a_file_a_plan_has_no_escape_sequence(
    cleared: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is: the line that moves while the server is waited for has no colour, but moves.
    monkeypatch.setattr(report, "_SOON", 60)
    with on_screen() as coloured:
        assert deploy(cleared.pins, "plan", "prod") == 2
    assert f"{ESCAPE}[32m{FULL_NAME}" in coloured.getvalue()
    for place in (on_screen(NO_COLOR="1"), into_a_file()):
        with place as plain:
            assert deploy(cleared.pins, "plan", "prod", "--all") == 2
        assert FULL_NAME in plain.getvalue()
        assert ESCAPE not in plain.getvalue()


def told(problem: FlowOpsError, place: AbstractContextManager[io.StringIO], tokens: list[str]) -> str:
    """Return what a command prints that ends with a problem, or is typed wrongly."""
    made = arguments.app("deploy.py")

    @made.command
    def apply() -> None:
        raise problem

    with place as screen:
        assert arguments.execute(made, tokens) == 1
    return screen.getvalue()


@pytest.mark.parametrize(
    ("tokens", "code"),
    [(["apply"], "FT-RUN-01"), (["aply"], "FT-ARGS-01"), (["apply", "x"], "FT-ARGS-01")],
)
def test_every_error_of_a_command_has_its_colour_on_a_terminal_and_none_elsewhere(
    tokens: list[str], code: str
) -> None:
    problem = FlowOpsError("FT-RUN-01", state="Failed", reason="-", again="")
    assert told(problem, on_screen(), tokens).startswith(f"{ESCAPE}[1;31m{code}  ")
    assert told(problem, on_screen(NO_COLOR="1"), tokens).startswith(f"{code}  ")
    with contextlib.redirect_stderr(io.StringIO()) as plain:
        told(problem, into_a_file(), tokens)
    assert plain.getvalue().startswith(f"{code}  ")
    assert ESCAPE not in plain.getvalue() + told(problem, on_screen(NO_COLOR="1"), tokens)


@pytest.mark.parametrize(("code", "colour"), [("FT-MACHINE-03", "1;31"), ("FT-MACHINE-01", "33")])
def test_what_the_doctor_finds_has_the_colour_of_its_check(code: str, colour: str) -> None:
    problem = FlowOpsError(code, problem="x")
    with on_screen() as coloured:
        report.checked("El servidor", [problem])
    assert f"\n{ESCAPE}[{colour}m{code}  " in coloured.getvalue()
    with into_a_file() as plain:
        report.checked("El servidor", [problem])
    assert str(problem) in plain.getvalue()
    assert ESCAPE not in plain.getvalue()


# --- what is waited for


@pytest.mark.e2e
@pytest.mark.parametrize(("seconds", "shown"), [(2.2, True), (0, False)])
def test_a_server_that_takes_long_to_answer_is_shown_to_be_waited_for(
    cleared: Workshop, monkeypatch: pytest.MonkeyPatch, seconds: float, *, shown: bool
) -> None:
    if not shown:  # However slow this machine is.
        monkeypatch.setattr(report, "_SOON", 60)

    def rule(_: str, path: str) -> None:
        time.sleep(seconds if path.endswith("/admin/version") else 0)

    with proxy(cleared.server.url, rule) as (url, _), pointing_at(url), on_screen() as screen:
        assert deploy(cleared.pins, "status") == 0
    assert bool(re.search(rf"esperando la respuesta de {url}\W.*0:00:0[12]", screen.getvalue())) is shown


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("place", "moves"), [(on_screen, True), pytest.param(into_a_file, False, marks=pytest.mark.slow)]
)
def test_a_run_that_no_worker_takes_is_shown_to_be_waited_for_until_it_is_taken(
    cleared: Workshop, place: Callable[[], AbstractContextManager[io.StringIO]], *, moves: bool
) -> None:
    pins = with_prod(cleared.pins, work_pool="spare-prod", schedule=None)
    apply(pins)

    def take() -> None:
        wait_until(cleared.client.read_flow_runs, seconds=60, what="the run")
        time.sleep(3)
        [run] = cleared.client.read_flow_runs()
        cleared.client.set_flow_run_state(run.id, Completed(), force=True)

    with ThreadPoolExecutor() as threads, place() as screen:
        taken = threads.submit(take)
        assert deploy(pins, "run", "prod") == 0
        taken.result()
    told = screen.getvalue()
    waited = re.search(r"esperando que un worker de spare-prod tome la ejecución\W.*?0:00:0\d", told)
    assert bool(waited) is moves
    assert (ESCAPE in told) is moves
    before, _, after = told.partition("| Scheduled")
    assert "esperando que" not in before
    assert "esperando que" not in after.partition("| Completed")[2]
    assert "| Completed" in after


# --- many deployments


def many(count: int, *, differ: int) -> list[Plan]:
    """Return the plans of one flow in many environments, of which some differ from the server."""
    environments = {f"sucursal-{n}": Environment(f"pool-sucursal-{n}") for n in range(count)}
    pins = Deployments(flows={FLOW: environments}, source=GitSource("x"), timezone=TIMEZONE)
    made = Plan(
        target=targets(pins)[0],
        server={},
        file={"paused": False, "schedules": []},
        differences=[],
        watchdog=[],
        by_hand=[],
        next_runs=[datetime.now(UTC)],
        workers=1,
    )
    return [
        dataclasses.replace(made, target=target, differences=[Difference("version", "a", "b")] * (n < differ))
        for n, target in enumerate(targets(pins))
    ]


@pytest.mark.parametrize(("differ", "lines"), [(0, 1), (7, 8), (100, 101)])
@pytest.mark.usefixtures("workshop")
def test_a_plan_of_100_deployments_has_a_line_for_each_that_differs_and_their_sum(
    differ: int, lines: int
) -> None:
    plans = many(100, differ=differ)
    with on_screen() as screen:
        report.plans(plans, everything=False)
        report.sum_of(plans, [])
    told = re.sub(rf"{ESCAPE}\[[\d;]*m", "", screen.getvalue()).splitlines()
    assert len(told) == lines
    assert max(map(len, told)) <= 80
    assert told[-1].startswith(f"0 para crear, {differ} para cambiar, {100 - differ} sin cambios")


@pytest.mark.e2e
def test_a_plan_breaks_no_command_that_activates_a_paused_schedule(cleared: Workshop) -> None:
    dev = {"dev": Environment(work_pool="pool-dev", schedule="0 6 * * *")}
    pins = dataclasses.replace(cleared.pins, flows={FLOW: dev, f"src/{PACKAGE}/nested.py:nested": dev})
    with on_screen() as screen:
        assert deploy(pins, "plan", "dev", "--flow", SLUG) == 2
    told = [line.strip() for line in screen.getvalue().splitlines()]
    assert f"uv run deploy.py apply dev --flow {SLUG} --activate" in told


def test_status_fits_80_columns_where_a_schedule_is_paused_and_its_command_is_one_line(
    cleared: Workshop,
) -> None:
    apply(cleared.pins)
    apply(cleared.pins, "--pause")
    with on_screen(NO_COLOR="1") as told:
        assert deploy(cleared.pins, "status") == 0
    lines = told.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-2:] == [f"{SLUG}-prod: pausado; se activa con:", "  uv run deploy.py apply prod --activate"]


@pytest.mark.e2e
@pytest.mark.parametrize("shown_whole", [5, 1])
def test_status_says_beside_its_name_that_a_deployment_is_not_on_the_server(
    cleared: Workshop, monkeypatch: pytest.MonkeyPatch, shown_whole: int
) -> None:
    monkeypatch.setattr(report, "SHOWN_WHOLE", shown_whole)
    apply(cleared.pins)
    for place in (on_screen(), into_a_file()):
        with place as shown:
            assert deploy(cleared.pins, "status") == 0
        told = re.sub(rf"{ESCAPE}\[[\d;]*m", "", shown.getvalue())
        assert re.findall(r"(?m)^ *(\S.*no está\)?)", told) == [f"{SLUG}-dev (no está)"]


@pytest.mark.e2e
def test_an_apply_of_many_deployments_prints_a_line_for_each_that_is_written(
    cleared: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SHOWN_WHOLE", 1)
    quick = {"prod": Environment(work_pool="pool-prod", parameters={"day": date(2026, 1, 1)})}
    flows = {**cleared.pins.flows, f"src/{PACKAGE}/quick.py:quick": quick}
    pins = dataclasses.replace(cleared.pins, flows=flows)
    for sums in (
        "Escritos y comprobados: 2; ya estaban así: 0.",
        "Escritos y comprobados: 0; ya estaban así: 2.",
    ):
        assert deploy(pins, "apply", "prod") == 0
        told = capsys.readouterr().out.splitlines()
        written = [f"{name}: escrito y comprobado" for name in (FULL_NAME, "quick/quick-prod")]
        assert told == [*(written if sums.endswith(": 0.") else []), sums]


@pytest.mark.e2e
def test_of_many_deployments_those_that_someone_paused_are_said_with_the_command_that_activates_them(
    cleared: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SHOWN_WHOLE", 0)
    dev = {FLOW: {"dev": Environment(work_pool="pool-dev", schedule="0 6 * * *")}}
    pins = dataclasses.replace(cleared.pins, flows=dev)
    command = "se activa con: uv run deploy.py apply dev --activate"
    for paused in (False, True):
        assert deploy(pins, "apply", "dev") == 0
        for words in (["plan", "dev"], ["apply", "dev"], ["status"]):
            capsys.readouterr()
            assert deploy(pins, *words) == 0
            assert (command in capsys.readouterr().out) is paused, words
        cleared.client.pause_deployment(on_server(cleared, f"{SLUG}/{SLUG}-dev").id)
