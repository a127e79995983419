"""The Jinja extension of `cookiecutter.json`: answers are taken literally, and refused as early as can be."""

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from cookiecutter.exceptions import FailedHookException
from cookiecutter.prompt import read_user_variable
from jinja2 import Environment
from jinja2.ext import Extension

from flow_template import messages, naming, one_language


class AnswersExtension(Extension):
    """Adds the filters that `cookiecutter.json` and the template's files use.

    Cookiecutter makes one environment for the questions, one for the files and one for each hook.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._own: list[str] | None = None
        environment.globals["template_folder"] = str(naming.TEMPLATE)
        environment.filters |= {
            "all_checked": all_checked,
            "as_package": naming.package_of,
            "as_python": naming.as_python,
            "as_slug": naming.slug_from,
            "asked": asked,
            "in_quotes": naming.in_quotes,
            "take_literally": self._take_literally,
        }
        # `cruft update` renders the old template and the new one in one process: the next environment has to
        # load this package again, in its own version.
        for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
            del sys.modules[name]

    def _take_literally(self, _answers: dict[str, Any]) -> str:
        """From here on, in this environment, render what `cookiecutter.json` has and nothing else."""
        self._own = [value for value in naming.definition().values() if isinstance(value, str)]
        return ""

    def preprocess(self, source: str, *_place: object) -> str:
        """Stand before Jinja, by which cookiecutter has answers of the command line rendered as well."""
        if self._own is not None and source not in self._own:
            return source.replace("{", "{{ '{' }}")
        # The folder's name is what cookiecutter renders first, whatever way the answers came (--replay).
        first = source == "{{cookiecutter.flow_slug}}"
        return "{{ cookiecutter | all_checked }}" + source if first else source


def asked(answers: dict[str, Any], question: str) -> str:
    """On a terminal, ask again in place until the answer passes; else leave it to `all_checked`."""
    if not _at_terminal():
        return ""
    if question == "language" and (unknown := _unknown_answers()):  # Before the questions, not after.
        _refuse(unknown, answers)
    language, confirmed = answers["language"], None
    while True:
        if odd := naming.problem_with(question, answers, _is_taken):
            default = None if odd.is_example else odd.suggestion
        elif (odd := naming.doubt_about(question, answers)) and odd.value != confirmed:
            default = confirmed = odd.value
        else:
            break
        messages.say(messages.explanation(odd, language), sys.stdout)
        label = {question: f"  {messages.label(question, language)}"}
        answers[question] = read_user_variable(question, default, label)
    messages.say(messages.remark(question, answers), sys.stdout)
    if question == "language":
        one_language.ask_in(language)
    return ""


def all_checked(answers: dict[str, Any]) -> str:
    """Refuse everything that is wrong, at once.

    Raises:
        FailedHookException: cookiecutter prints its text alone and ends with status 1.
    """
    if found := [*_unknown_answers(), *naming.problems(answers, _is_taken)]:
        _refuse(found, answers, answered=_at_terminal())
    # A replay file may bring its own: it is the name of a folder too, and follows from the technical name.
    answers["__package"] = naming.package_of(answers["flow_slug"])
    context = _command_line()
    if context and __name__ not in context.meta:
        context.meta[__name__] = folder = _folder(context, answers["flow_slug"])
        context.call_on_close(partial(_clear_up, folder, answers["language"], kept=folder.exists()))
    return ""


def _clear_up(folder: Path, language: str, *, kept: bool) -> None:
    """Where cookiecutter is stopped by Ctrl-C or a full disk, remove what it leaves: half a repository."""
    problem = sys.exc_info()[1]  # click, that closes, is handling it
    if not isinstance(problem, KeyboardInterrupt | OSError):
        return
    shutil.rmtree(folder, ignore_errors=True)
    if kept:
        folder.mkdir(exist_ok=True)
    if isinstance(problem, OSError):
        messages.say(messages.unwritable(problem, language), sys.stderr)
        raise click.exceptions.Exit(1)


def _refuse(problems: list[naming.Problem], answers: dict[str, Any], *, answered: bool = False) -> None:
    said = messages.refusal(problems, answers, *_call(answered))
    raise FailedHookException(messages.fit(said, sys.stdout))


def _unknown_answers() -> list[naming.Problem]:
    """A mistyped `key=value`: cookiecutter would ignore it without a word."""
    unknown = {name: value for name, value in _given().items() if name not in naming.questions()}
    meant = {name: f"{naming.nearest(name, naming.questions())}={value}" for name, value in unknown.items()}
    return [naming.Problem(name, value, "FT-ANSWER-01", meant[name]) for name, value in unknown.items()]


def _is_taken(slug: str) -> bool:
    """Tell whether there is something where the repository would be written."""
    context = _command_line()
    if not context:  # Then it is for pre_gen_project.py to look.
        return False
    folder = _folder(context, slug)
    empty = context.params["overwrite_if_exists"] and folder.is_dir() and not any(folder.iterdir())
    return folder.exists() and not empty


def _folder(context: click.Context, slug: str) -> Path:
    return Path(context.params["output_dir"], slug).absolute()


def _call(answered: bool) -> tuple[list[str], dict[str, str] | None]:
    """Return how the user called: the words without the answers, and these, where they were all typed there."""
    context = _command_line()
    if not context:
        return [], None
    elsewhere = answered or context.params["replay"] or context.params.get("replay_file")
    words = ["cookiecutter", context.params["template"]]
    words += ["--no-input"] if elsewhere or not _at_terminal() else []
    for option in context.command.params:
        name = str(option.name)
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and isinstance(option, click.Option) and name not in ("no_input", "replay", "replay_file"):
            words += [option.opts[-1]] if option.is_flag else [option.opts[-1], str(context.params[name])]
    return words, None if elsewhere else _given()


def _given() -> dict[str, str]:
    """Return the answers of the command line."""
    context = _command_line()
    return dict(context.params["extra_context"] or {}) if context else {}


def _at_terminal() -> bool:
    context = _command_line()
    return bool(context and not context.params["no_input"] and sys.stdin.isatty() and sys.stdout.isatty())


def _command_line() -> click.Context | None:
    """Return cookiecutter's command line; None where another program calls its functions."""
    context = click.get_current_context(silent=True)
    return context if context and {"extra_context", "template"} <= {*context.params} else None
