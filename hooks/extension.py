"""The Jinja extension that brings the rules to the prompt: `cookiecutter.json` calls its filters.

Cookiecutter makes one environment for the questions and one for the files. In the first, the filters check
each answer as it is given; in the second, the folder's name is the last barrier before anything is written,
whatever way the answers came (a replay file skips the questions).

`cruft update` renders the old and the new template in one process with this module loaded once: never
rename the class or a filter, and put what a later version adds into a new module.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from cookiecutter.config import get_user_config
from cookiecutter.exceptions import FailedHookException
from cookiecutter.prompt import read_user_variable
from jinja2.ext import Extension

from hooks import completion, naming, origin, refusal
from hooks.plain import Plain, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jinja2 import Environment

_FOLDER = "{{cookiecutter.flow_slug}}"


class NamingExtension(Extension):
    """Adds the filters that `cookiecutter.json`, the template's files and the hooks use."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._expressions: set[str] | None = None
        self._outcome: dict[str, object] = {}
        self._filters: dict[str, Callable[..., object]] = {
            "as_literal_answers": self._as_literal_answers,
            "as_package": naming.package_of,
            "as_slug": naming.slug_from,
            "asked": asked,
            "all_checked": all_checked,
            "completed": self._completed,
            "escaped": escaped,
            "folder_checked": folder_checked,
            "in_quotes": naming.in_quotes,
            "refusal": refusal_of,
            "template_folder": lambda _: naming.TEMPLATE,
        }
        environment.filters |= self._filters
        self._compile, self._load = environment.from_string, environment.get_template
        environment.from_string = self._from_string  # type: ignore[method-assign, assignment]
        environment.get_template = self._get_template  # type: ignore[method-assign, assignment]

    def _as_literal_answers(self, _answers: Mapping[str, Any]) -> str:
        """From here on, in this environment, render the template's own expressions and nothing else."""
        if _parameters():  # This process ends with the repository: no garbage is worth looking for.
            gc.disable()
        naming.definition.cache_clear()
        self._expressions = set(_strings(naming.definition()))
        return ""

    def _completed(self, answers: Mapping[str, Any], part: str) -> object:
        """Return a part of the outcome of what comes after the files, done when the first is asked for.

        Cruft does not say where the files are: then the only part is the `answers`, as JSON.
        """
        if not self._outcome:
            done = completed(answers)
            if _parameters():  # Python looks for garbage once more as it ends, in all that is not frozen.
                gc.freeze()
            self._outcome = done._asdict() if done else {"answers": json.dumps(answers)}
        return self._outcome.get(part, "")

    def _from_string(self, source: str, **options: Any) -> Any:
        """Stand between cookiecutter and Jinja for answers, names of files and the folder's name.

        Cookiecutter would run an answer of the command line, or of `cruft update`, as a Jinja template:
        braces in it would be lost or end in a traceback.
        """
        if source == _FOLDER:
            return Plain("{{ cookiecutter | folder_checked }}", self._filters)
        if self._expressions is not None and source not in self._expressions:
            return _Literal(source)
        if is_plain(source, self._filters):
            return Plain(source, self._filters)
        return self._compile(source, **options)

    def _get_template(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Stand between cookiecutter and Jinja for its files; what a file includes comes with a parent."""
        if not arguments and self.environment.loader:
            source, _, _ = self.environment.loader.get_source(self.environment, name)
            if is_plain(source, self._filters):
                return Plain(source, self._filters)
        return self._load(name, *arguments, **options)


class _Literal:
    """A template without expressions."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, *_arguments: object, **_variables: object) -> str:
        """Return the text as it is."""
        return self.text


def asked(answers: dict[str, Any], question: str) -> str:
    """On a terminal, ask again in place until the answer passes; else leave it to `all_checked`."""
    if not _at_terminal():
        return ""
    language = answers.get("language")
    if question == "language":
        _look_at_command_line(answers)
    while problem := naming.problem_with(question, answers):
        _tell("\n" + refusal.reproach(problem, language) + "\n")
        answers[question] = read_user_variable(
            question, problem.suggestion, naming.definition()["__prompts__"]
        )
    return ""


def all_checked(answers: dict[str, Any]) -> str:
    """Refuse all that is wrong, at once; nothing has been written yet.

    Raises:
        FailedHookException: cookiecutter prints its text alone and ends with status 1.
    """
    call = _invocation()
    unknown = [] if _at_terminal() else [*_unknown_answers(call), *_dropped_defaults()]
    found = [*unknown, *naming.problems(answers)]
    if found:
        _refuse(found, answers, call)
    return ""


def folder_checked(answers: dict[str, Any]) -> str:
    """Return the folder's name, once every answer passed."""
    found = naming.problems(answers)
    if found:
        _refuse(found, answers, _invocation())
    # A replay file may bring its own: these are names of folders too, and follow from the slug alone.
    answers["__package"] = answers["__function"] = naming.package_of(answers["flow_slug"])
    return str(answers["flow_slug"])


def refusal_of(answers: Mapping[str, Any]) -> str:
    """Return the whole message about answers that break a rule; empty where none does."""
    found = naming.problems(answers)
    return refusal.refusal(found, answers, _invocation()) if found else ""


def completed(answers: Mapping[str, Any]) -> completion.Outcome | None:
    """Do what comes after the files; None where it is not known where they are (cruft does not tell)."""
    if "_output_dir" not in answers:
        return None
    return completion.complete(Path(answers["_output_dir"], answers["flow_slug"]), answers)


def escaped(value: object) -> str:
    """Return text that stands for itself between the double quotes of a Python string, in ASCII."""
    return str(value).encode("unicode_escape").decode("ascii").replace('"', r"\x22")


def _refuse(problems: list[naming.Problem], answers: Mapping[str, Any], call: refusal.Invocation) -> None:
    raise FailedHookException(refusal.fit(refusal.refusal(problems, answers, call), sys.stdout))


def _look_at_command_line(answers: Mapping[str, Any]) -> None:
    """Before the questions, not after: refuse a mistyped `key=value`, name the defaults that were dropped."""
    call = _invocation()
    mistyped = _unknown_answers(call)
    if mistyped:
        _refuse(mistyped, answers, call)
    for problem in _dropped_defaults():
        _tell("\n" + refusal.reproach(problem, answers.get("language")) + "\n")


def _unknown_answers(call: refusal.Invocation) -> list[naming.Problem]:
    found = []
    for name in call.unknown:
        value = (call.given or {}).get(name, "")
        meant = naming.nearest(name, naming.questions())
        found.append(naming.Problem(name, value, "FT-ANSWER-01", f"{meant}={value}"))
    return found


def _dropped_defaults() -> list[naming.Problem]:
    """Return the entry of the user's configuration at which cookiecutter stopped, where that matters."""
    defaults, given = _user_defaults(), _extra_context()
    for number, (name, value) in enumerate(defaults.items()):
        if naming.choices(name) and value not in naming.choices(name):
            if set(list(defaults)[number:]) <= set(given):
                break
            suggestion = given.get(name) or naming.nearest(value, naming.choices(name))
            return [naming.Problem(name, value, "FT-ANSWER-02", suggestion)]
    return []


def _user_defaults() -> dict[str, str]:
    parameters = _parameters()
    if not parameters:
        return {}
    config = get_user_config(parameters.get("config_file"), parameters.get("default_config", False))
    defaults = config["default_context"]
    return {name: str(value) for name, value in defaults.items() if name in naming.questions()}


def _invocation() -> refusal.Invocation:
    """Return how the user called; unknown when another program calls cookiecutter's function."""
    parameters = _parameters()
    if not parameters:  # cruft, for one, whose clone of the template will be gone
        return refusal.Invocation(template=origin.address())
    unattended = parameters.get("no_input") or parameters.get("replay") or parameters.get("replay_file")
    flags = {
        "--no-input": unattended,
        "--overwrite-if-exists": parameters.get("overwrite_if_exists"),
        "--skip-if-file-exists": parameters.get("skip_if_file_exists"),
        "--default-config": parameters.get("default_config"),
    }
    values = {
        "--checkout": parameters.get("checkout"),
        "--directory": parameters.get("directory"),
        "--config-file": parameters.get("config_file"),
        "--output-dir": parameters.get("output_dir"),
    }
    options = [flag for flag, wanted in flags.items() if wanted]
    options += [
        word
        for option, value in values.items()
        if value and str(value) != "."
        for word in (option, str(value))
    ]
    given = {**(_user_defaults() if _dropped_defaults() else {}), **_extra_context()}
    return refusal.Invocation(
        template=str(parameters.get("template", naming.TEMPLATE)),
        options=options,
        given=None if parameters.get("replay") or parameters.get("replay_file") else given,
        unknown=[name for name in given if name not in naming.questions()],
    )


def _extra_context() -> dict[str, str]:
    """Return the answers of the command line."""
    return dict(_parameters().get("extra_context") or {})


def _parameters() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    return context.params if context else {}


def _at_terminal() -> bool:
    parameters = _parameters()
    asks = bool(parameters) and not parameters.get("no_input")
    return asks and sys.stdin.isatty() and sys.stdout.isatty()


def _tell(text: str) -> None:
    sys.stdout.write(refusal.fit(text, sys.stdout))
    sys.stdout.flush()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, str):
        yield value
