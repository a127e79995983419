"""The texts: alike in both languages, every code with one meaning in the whole project, none unused."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

import pytest

from flow_ops.messages import catalogue
from flow_template import messages, naming, schedule
from flow_template.texts import half, texts
from tests.conftest import TEMPLATE
from tests.test_naming import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

SPANISH, ENGLISH = texts("es"), texts("en")
CODES = sorted(SPANISH["codes"])


def flat(content: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a language, by where it is."""
    if isinstance(content, str):
        yield place, content
        return
    for name, each in content.items() if isinstance(content, dict) else enumerate(content):
        yield from flat(each, f"{place}.{name}")


def placeholders(text: str) -> list[str]:
    return sorted(str(name) for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_both_languages_have_the_same_texts_in_the_same_order_with_the_same_placeholders() -> None:
    spanish, english = dict(flat(SPANISH)), dict(flat(ENGLISH))
    assert list(spanish) == list(english)
    assert [name for name in spanish if placeholders(spanish[name]) != placeholders(english[name])] == []


def test_a_text_of_one_language_is_not_in_the_other() -> None:
    codes = [code for code in CODES if SPANISH["codes"][code] == ENGLISH["codes"][code]]
    assert codes == []


def test_a_code_has_one_meaning_in_the_whole_project() -> None:
    """The library's codes and the template's: no code is of both, and no subject is either."""
    subjects = {code.split("-")[1] for code in CODES}
    assert set(CODES) & set(catalogue("es")) == set()
    assert subjects & {code.split("-")[1] for code in catalogue("es")} == set()


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("folder", ["flow_template", "flow_ops/src/flow_ops/messages"])
def test_every_command_in_a_text_can_be_typed_in_powershell_5(folder: str, language: str) -> None:
    assert "&&" not in (TEMPLATE / folder / f"{language}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_raised_and_documented_once(code: str) -> None:
    sources = [*TEMPLATE.glob("*.py"), *TEMPLATE.glob("flow_template/*.py"), *TEMPLATE.glob("hooks/*.py")]
    assert any(f'"{code}' in source.read_text(encoding="utf-8") for source in sources)
    for language in ("es", "en"):
        page = (TEMPLATE / "docs" / language / "problems.md").read_text(encoding="utf-8")
        assert len(re.findall(rf"^\| {code} \|", page, re.MULTILINE)) == 1


def test_every_code_that_is_raised_has_its_text() -> None:
    sources = [*TEMPLATE.glob("*.py"), *TEMPLATE.glob("flow_template/*.py"), *TEMPLATE.glob("hooks/*.py")]
    raised = {code for source in sources for code in re.findall(r"FT-[A-Z]+-\d+", source.read_text("utf-8"))}
    assert raised == set(CODES)


def test_the_tables_of_values_break_every_rule_of_a_free_answer() -> None:
    broken = {code for _, _, code in CASES if code}
    elsewhere = (
        "FT-SETUP",
        "FT-SLUG-08",
        "FT-CHOICE",
        "FT-CRON-06",
        "FT-URL-04",
        "FT-ANSWER",
        "FT-GEN",
    )
    assert broken == {code for code in CODES if not code.startswith(elsewhere)}


NAMES = {
    "es": {"flow_name": "Nombre del flujo", "flow_slug": "Nombre técnico", "schedule": "Horario"},
    "en": {"flow_name": "Name of the flow", "flow_slug": "Technical name", "schedule": "Schedule"},
}


@pytest.mark.parametrize("language", NAMES)
def test_a_question_is_called_as_the_person_saw_it_in_one_language(language: str) -> None:
    called = {question: messages.label(question, language) for question in naming.questions()}
    assert NAMES[language].items() <= called.items()
    assert not any(" / " in name or name == question for question, name in called.items())


def test_a_question_for_a_folder_is_not_called_one_for_git_alone() -> None:
    assert messages.label("repo_url", "es") == "Dirección git, o carpeta en el worker"
    assert messages.label("repo_url", "en") == "Git address, or worker folder"


@pytest.mark.parametrize("value", ["06:15", "x", "* * *", "0 0 31 2 *", "(0 6 * * *)"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_refusal_of_a_schedule_shows_an_example_and_what_it_means(value: str, language: str) -> None:
    problem = naming.problem_with("schedule", {"schedule": value})
    assert problem
    example = schedule.in_words(problem.suggestion, language)
    assert f"{problem.suggestion}  ({example})" in messages.explanation(problem, language)


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("code", [code for code in CODES if not code.startswith(("FT-SETUP", "FT-GEN"))])
def test_a_rule_fits_a_terminal_of_80_columns(code: str, language: str) -> None:
    told = messages.explanation(naming.Problem("flow_name", "x", code, "y"), language)
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("value", ["lunes a viernes", "Lunes, miércoles y sábado a las 06:00", "whenever"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_suggested_schedule_fits_a_terminal_of_80_columns_and_its_cron_stays_whole(
    value: str, language: str
) -> None:
    problem = naming.problem_with("schedule", {"schedule": value})
    assert problem
    told = messages.explanation(problem, language)
    assert max(map(len, told.splitlines())) < 80
    assert f": {problem.suggestion}" in told
    words = f"({schedule.in_words(problem.suggestion, language)})"
    assert words in " ".join(told.split())


@pytest.mark.parametrize("language", ["es", "en"])
def test_what_is_said_of_a_good_schedule_fits_a_terminal_of_80_columns(language: str) -> None:
    answers = {"language": language, "schedule": "15 6,7,9,12,18 1,11,21 jan,mar,may mon,wed,fri"}
    told = messages.remark("schedule", answers)
    assert told.startswith("  = ")
    assert len(told.splitlines()) > 1
    assert max(map(len, told.splitlines())) < 80


@pytest.mark.parametrize("language", ["es", "en"])
def test_what_is_said_of_a_folder_that_is_not_here_is_wrapped_for_a_terminal_of_80_columns(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(texts(language), "not_here", "word " * 30)
    answers = {"language": language, "code_source": "local", "repo_url": "/no/such/folder"}
    told = messages.remark("repo_url", answers)
    assert told.startswith("  ")
    assert len(told.splitlines()) > 1
    assert max(map(len, told.splitlines())) < 80


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize(
    ("code", "question", "choice"),
    [("FT-URL-03", "code_source", "local"), ("FT-FOLDER-01", "code_source", "git")],
)
def test_a_rule_names_what_to_choose_as_the_question_showed_it(
    code: str, question: str, choice: str, language: str
) -> None:
    rule = texts(language)["codes"][code]
    shown = half(naming.definition()["__prompts__"][question][choice], language)
    assert (f"«{shown}»" if language == "es" else f"'{shown}'") in rule
    assert question not in rule
