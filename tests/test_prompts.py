"""The questions on a real terminal: a bad answer is asked again in place."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from hooks import naming
from tests.conftest import TEMPLATE
from tests.generating import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import pexpect

SECONDS = 30


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., pexpect.spawn]]:
    """Return a function that runs the command line on a terminal of its own, in `tmp_path`."""
    running: list[pexpect.spawn] = []

    def run(*arguments: str, **variables: str) -> pexpect.spawn:
        words = ["-m", "cookiecutter", str(TEMPLATE), *arguments]
        environment = {**os.environ, "TERM": "dumb", **variables}
        child = pexpect.spawn(
            sys.executable,
            words,
            cwd=str(tmp_path),
            env=environment,
            encoding="utf-8",
            timeout=SECONDS,
            # A shell that runs the tests in the background has them, and so this, ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        running.append(child)
        return child

    yield run
    for child in running:
        child.close(force=True)


def answer(child: pexpect.spawn, question: str, text: str = "") -> None:
    """Wait for the label of `question` and type an answer; nothing takes the default."""
    wait_for(child, question)
    child.sendline(text)


def wait_for(child: pexpect.spawn, question: str) -> None:
    label = naming.definition()["__prompts__"][question]
    child.expect_exact(label["__prompt__"] if isinstance(label, dict) else label)
    child.expect_exact("):")


def finish(child: pexpect.spawn) -> tuple[int, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


def recorded(root: Path) -> dict[str, str]:
    content = json.loads((root / ".cruft.json").read_text(encoding="ascii"))
    return dict(content["context"]["cookiecutter"])


def test_nine_times_enter_generates_the_default_repository(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    for question in naming.questions():
        answer(child, question)
    status, output = finish(child)
    assert status == 0, output
    assert "uv run ventas-diarias" in output
    assert recorded(tmp_path / "ventas-diarias")["language"] == "es"


def test_bad_answers_are_asked_again_in_place_with_a_reason_and_a_suggestion_that_enter_takes(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    answer(child, "language", "2")
    answer(child, "flow_name", "Party 🎉")
    child.expect_exact("FT-TEXT-03")
    answer(child, "flow_name", "Price {{ update }} 100 %")
    answer(child, "flow_slug", "../Precios de Compra")
    child.expect_exact("FT-SLUG-01")
    child.expect_exact("Rule: lower-case")
    answer(child, "flow_slug", "json")  # the second try is looked at too
    child.expect_exact("FT-SLUG-04")
    child.expect_exact("(flow-json)")
    child.sendline("precios-de-compra")
    answer(child, "description", '{{ braces }} [red]and[/red] "quotes" it\'s')
    answer(child, "area", "2")
    answer(child, "timezone", "America/Buenos_Aires")
    child.expect_exact("FT-ZONE-02")
    answer(child, "timezone")
    answer(child, "schedule", "(0 6 * * *)")
    child.expect_exact("FT-CRON-02")
    answer(child, "schedule")
    answer(child, "code_source", "1")
    answer(child, "repo_url", "https://me:hush@github.com/org/x.git")
    child.expect_exact("FT-URL-02")
    answer(child, "repo_url")
    status, output = finish(child)
    assert status == 0, output
    assert recorded(tmp_path / "precios-de-compra") == {
        "language": "en",
        "flow_name": "Price {{ update }} 100 %",
        "flow_slug": "precios-de-compra",
        "description": '{{ braces }} [red]and[/red] "quotes" it\'s',
        "area": "compras",
        "timezone": "America/Argentina/Buenos_Aires",
        "schedule": "0 6 * * *",
        "code_source": "git",
        "repo_url": "https://github.com/org/x.git",
    }
    assert git(tmp_path / "precios-de-compra", "symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_bad_answer_of_the_command_line_becomes_a_question_again(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal("flow_slug=Ventas")
    answer(child, "language")
    answer(child, "flow_name")
    answer(child, "flow_slug")  # the default is the bad one
    child.expect_exact("FT-SLUG-01")
    answer(child, "flow_slug")
    for question in naming.questions()[3:]:
        answer(child, question)
    status, output = finish(child)
    assert status == 0, output
    assert (tmp_path / "ventas").is_dir()


def test_a_mistyped_answer_is_named_after_the_first_question_not_after_the_last(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal("flow_nmae=Otro")
    answer(child, "language")
    status, output = finish(child)
    assert status == 1
    assert "flow_name=Otro" in output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def test_a_bad_default_of_the_configuration_is_named_and_the_questions_go_on(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    folders = {name: str(tmp_path / "home" / name) for name in ("cookiecutters_dir", "replay_dir")}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({**folders, "default_context": {"area": "Compras"}}), encoding="utf-8")
    child = terminal(COOKIECUTTER_CONFIG=str(config))
    answer(child, "language")
    child.expect_exact("FT-ANSWER-02")
    for question in naming.questions()[1:]:
        answer(child, question)
    status, output = finish(child)
    assert status == 0, output


def test_with_no_input_on_a_terminal_nothing_is_asked(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    status, output = finish(terminal("--no-input", "flow_slug=X"))
    assert status == 1
    assert "FT-SLUG-01" in output
    assert list(tmp_path.iterdir()) == []


def test_giving_up_in_the_middle_leaves_nothing(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    answer(child, "language")
    answer(child, "flow_name", "Ventas")
    wait_for(child, "flow_slug")
    child.sendintr()
    status, _ = finish(child)
    assert status == 1
    assert list(tmp_path.iterdir()) == []
