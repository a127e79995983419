"""The questions on a real terminal: a bad answer is asked again in place."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from flow_template import messages, naming
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
    """Wait for a question in the language that was chosen, whichever that is; the first is in both."""
    label = naming.definition()["__prompts__"][question]
    both = label["__prompt__"] if isinstance(label, dict) else label
    child.expect_exact([both] if question == "language" else both.split(" / "))
    child.expect_exact("):")


def answer_again(child: pexpect.spawn, label: str, text: str = "") -> None:
    """Wait for a question that is asked again, called by its short name in the language chosen."""
    child.expect_exact(f"\n  {label} (")
    child.expect_exact("): ")
    child.sendline(text)


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


# Of each language, the number that chooses it, and what cookiecutter says in it of a choice, and of a wrong one.
COOKIECUTTERS = {
    "es": ("1", "Elegí [1/2/3/4/5] (1): ", "Elegí uno de los números"),
    "en": ("2", "Choose from [1/2/3/4/5] (1): ", "Please select one of the available options"),
}


@pytest.mark.parametrize("language", naming.choices("language"))
def test_after_the_first_question_all_that_is_asked_is_in_the_language_chosen(
    terminal: Callable[..., pexpect.spawn], language: str
) -> None:
    number, choose, refused = COOKIECUTTERS[language]
    child = terminal(TERM="xterm-256color")
    child.expect(r"\)\S*: ")
    child.sendline(number)
    said = ""
    for question in naming.questions()[1:]:
        for text in ["9", ""] if question == "area" else [""]:
            child.expect(r"\)\S*: ")
            said += re.sub(r"\x1b\[[0-9;]*m", "", child.before + child.after)
            child.sendline(text)
    assert finish(child)[0] == 0
    labels = naming.definition()["__prompts__"]
    shown = [text for name, label in labels.items() if name != "language" for text in _texts(label)]
    assert [text for text in shown if text.split(" / ")[language == "en"] not in said] == []
    assert choose in said
    assert refused in said
    assert " / " not in said
    assert [
        text for name in COOKIECUTTERS if name != language for text in COOKIECUTTERS[name][1:] if text in said
    ] == []


def _texts(label: str | dict[str, str]) -> list[str]:
    return [*label.values()] if isinstance(label, dict) else [label]


# What is typed at each question, and the codes of what is not taken; Enter takes the suggestion.
TYPED: dict[str, list[tuple[str, str]]] = {
    "language": [("2", "")],
    "flow_name": [("Party 🎉", "FT-TEXT-02"), ("Price {{ update }} 100 %", "")],
    "flow_slug": [("../Precios de Compra", "FT-SLUG-01"), ("json", "FT-SLUG-04"), ("precios-de-compra", "")],
    "description": [('{{ braces }} [red]and[/red] "quotes" it\'s', "")],
    "area": [("2", "")],
    "timezone": [("America/Buenos_Aires", "FT-TIMEZONE-02"), ("", "")],
    "schedule": [("(0 6 * * *)", "FT-CRON-02"), ("", "")],
    "repo_url": [("https://me:hush@github.com/org/x.git", "FT-URL-02"), ("", "")],
}
TAKEN = {
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


def test_bad_answers_are_asked_again_in_place_with_a_reason_and_a_suggestion_that_enter_takes(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    for question in naming.questions():
        (first, code), *more = TYPED.get(question, [("", "")])
        answer(child, question, first)
        for text, next_code in more:
            child.expect_exact(f"[{code}]\r\n    Rule: ")
            child.expect_exact("\r\n    Suggestion: ")
            answer_again(child, messages.label(question, "en"), text)
            code = next_code
    status, output = finish(child)
    assert status == 0, output
    assert TAKEN.items() <= recorded(tmp_path / "precios-de-compra").items()
    assert git(tmp_path / "precios-de-compra", "symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_token_that_is_typed_is_not_shown_again_by_the_template(
    terminal: Callable[..., pexpect.spawn],
) -> None:
    child = terminal("repo_url=https://me:hush@github.com/org/x.git", "language=en")
    for question in naming.questions()[:-1]:
        answer(child, question)
    answer(child, "repo_url")
    child.expect_exact('"https://***@github.com/org/x.git"')
    child.expect_exact("(https://github.com/org/x.git): ")


def test_a_bad_answer_of_the_command_line_becomes_a_question_again(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal("flow_slug=Ventas")
    answer(child, "language")
    answer(child, "flow_name")
    answer(child, "flow_slug")  # the default is the bad one
    child.expect_exact("FT-SLUG-01")
    answer_again(child, "Nombre técnico")
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


def at_the_schedule(child: pexpect.spawn, language: str) -> None:
    answer(child, "language", language)
    for question in naming.questions()[1 : naming.questions().index("schedule")]:
        answer(child, question)


HOURS = {
    "1": ("6:15 de lunes a viernes", "Horario", "15 6 * * mon-fri", "de lunes a viernes a las 06:15"),
    "2": ("every day at 7", "Schedule", "0 7 * * *", "every day at 07:00"),
}


def test_a_schedule_that_is_not_understood_is_asked_again_with_an_example_that_enter_does_not_take(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    at_the_schedule(child, "2")
    answer(child, "schedule", "the first day of the month")
    child.expect_exact("An example: 30 1,13,17 * * *")
    for typed in ("", "0 9 1 * *"):
        child.expect_exact("\n  Schedule: ")
        child.sendline(typed)
    for question in naming.questions()[-2:]:
        answer(child, question)
    assert finish(child)[0] == 0
    assert recorded(tmp_path / "daily-sales")["schedule"] == "0 9 1 * *"


# What each language says of a schedule is in test_schedule.py.
@pytest.mark.parametrize("language", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_hours_as_people_say_them_get_a_suggestion_that_fits_and_what_is_taken_is_said_in_words(
    language: str, terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    typed, label, suggested, said = HOURS[language]
    child = terminal()
    at_the_schedule(child, language)
    answer(child, "schedule", typed)
    child.expect_exact(f": {suggested}  ({said})")
    answer_again(child, label)
    child.expect_exact(f"\n  = {said}\r\n")
    answer(child, "code_source")
    answer(child, "repo_url")
    assert finish(child)[0] == 0
    (root,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert recorded(root)["schedule"] == suggested


def test_a_schedule_that_is_seldom_meant_is_asked_again_and_the_same_confirms_it(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    at_the_schedule(child, "1")
    answer(child, "schedule", "* * * * *")
    child.expect_exact("FT-CRON-06")
    child.expect_exact("Horario (* * * * *): ")
    child.sendline("* 8 * * *")  # changed, into one that is seldom meant either
    child.expect_exact("FT-CRON-06")
    child.expect_exact("Horario (* 8 * * *): ")
    child.sendline()
    child.expect_exact("\n  = ")
    answer(child, "code_source")
    answer(child, "repo_url")
    assert finish(child)[0] == 0
    assert recorded(tmp_path / "ventas-diarias")["schedule"] == "* 8 * * *"


@pytest.mark.parametrize("again", ["https://git.local/x.git", ""], ids=["changed", "confirmed"])
def test_an_address_without_encryption_is_asked_again_and_gets_no_token_where_it_is_confirmed(
    again: str, terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    at_the_schedule(child, "1")
    answer(child, "schedule")
    answer(child, "code_source")
    answer(child, "repo_url", "http://git.local/x.git")
    child.expect_exact("FT-URL-04")
    child.expect_exact("https://git.local/x.git")
    child.expect_exact("(http://git.local/x.git): ")
    child.sendline(again)
    assert finish(child)[0] == 0
    root = tmp_path / "ventas-diarias"
    assert recorded(root)["repo_url"] == (again or "http://git.local/x.git")
    assert ("credentials_block" in (root / "deploy.py").read_text(encoding="utf-8")) == bool(again)


def test_a_folder_that_exists_is_refused_when_its_name_is_given(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    (tmp_path / "ventas-diarias").mkdir()
    (tmp_path / "ventas-diarias" / "notes.txt").write_text("mine", encoding="utf-8")
    child = terminal()
    answer(child, "language")
    answer(child, "flow_name")
    answer(child, "flow_slug")
    child.expect_exact("FT-SLUG-08")
    child.expect_exact("(ventas-diarias-2): ")
    child.sendline()
    for question in naming.questions()[3:]:
        answer(child, question)
    assert finish(child)[0] == 0
    assert recorded(tmp_path / "ventas-diarias-2")["flow_slug"] == "ventas-diarias-2"
    assert [path.name for path in (tmp_path / "ventas-diarias").iterdir()] == ["notes.txt"]


def test_a_refusal_after_the_last_question_keeps_what_was_typed(
    terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    child = terminal()
    at_the_schedule(child, "1")
    (tmp_path / "ventas-diarias").mkdir()
    answer(child, "schedule", "0 6 * * 1")
    answer(child, "code_source")
    answer(child, "repo_url")
    status, output = finish(child)
    assert status == 1
    command = " ".join(output.partition("FT-SLUG-08")[2].split())
    for part in (
        "--no-input",
        "flow_slug=ventas-diarias-2",
        "'schedule=0 6 * * 1'",
        "'flow_name=Ventas diarias'",
    ):
        assert part in command


@pytest.mark.parametrize("there", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_folder_for_the_code_that_is_not_on_this_machine_is_remarked_on(
    there: bool, terminal: Callable[..., pexpect.spawn], tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    if there:
        folder.mkdir()
    child = terminal()
    at_the_schedule(child, "2")
    answer(child, "schedule")
    answer(child, "code_source", "2")
    answer(child, "repo_url", str(folder))
    status, output = finish(child)
    assert status == 0, output
    assert ("That folder is not on this machine" in output) is not there


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
