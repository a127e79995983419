"""What the user reads: the texts of `es.toml` and `en.toml`, and what is made of them."""

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import TextWrapper
from typing import TextIO

from flow_template import naming, origin, schedule
from flow_template.texts import half, text, texts

_LONGEST_SHOWN = 80
# Of a line, on a terminal of 80 columns.
_WIDTH = 79

Problems = Sequence[naming.Problem]
Given = Mapping[str, str]


def refusal(
    problems: Problems, answers: naming.Answers, call: Sequence[str] = (), given: Given | None = None
) -> str:
    """Return the whole message: all the problems, then the command that works.

    `call` and `given` are what the user typed, where that is known: the words, and the answers after them.
    """
    language = answers.get("language")
    pairs = [f"{name}={value}" for name, value in corrected(problems, answers, given).items()]
    # cruft's clone of the template will be gone: its address stays.
    command = quoted([*(call or ("cookiecutter", origin.address(), "--no-input")), *pairs])
    explained = "".join(explanation(problem, language) for problem in problems)
    return text("refused", language, count=len(problems), problems=explained, command=command)


def explanation(problem: naming.Problem, language: object) -> str:
    """Return what is odd about one answer, which rule says so, and what would pass."""
    question, value, code, suggestion = problem
    rule = texts(language)["codes"][code].format(choices=", ".join(naming.choices(question)))
    rule = _filled(rule, len("    Regla: "), 6).lstrip()
    kind = text("example" if problem.is_example else "suggestion", language)
    if question == "schedule":
        words = f"({schedule.in_words(suggestion, language)})"
        beside = len(f"    {kind}: {suggestion}  {words}") <= _WIDTH
        suggestion += f"  {words}" if beside else f"\n{_filled(words, 6, 8)}"
    named = {"label": label(question, language), "value": shown(value), "kind": kind}
    return text("problem", language, **named, code=code, rule=rule, suggestion=suggestion)


def remark(question: str, answers: naming.Answers) -> str:
    """Return what there is to say of a good answer: a schedule in words, a folder that is not here."""
    if question == "schedule":
        return _filled(f"= {schedule.in_words(answers[question], answers.get('language'))}", 2, 4) + "\n"
    local = question == "repo_url" and answers.get("code_source") == "local"
    if not local or Path(answers[question]).is_dir():
        return ""
    return _filled(text("not_here", answers.get("language")), 2, 4) + "\n"


def _filled(said: str, first: int, further: int) -> str:
    """Return a text on lines, indented so far, that a terminal of 80 columns shows whole; a command in it stays whole."""
    wrapper = TextWrapper(_WIDTH, " " * first, " " * further, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(said)


def disagreement(found: Sequence[tuple[str, object, object]], language: object) -> str:
    """Return the message for whoever maintains the template: a user cannot cause this with answers alone."""
    lines = [text("disagreement", language, place=each[0], expected=each[1], found=each[2]) for each in found]
    return "\n".join([f"FT-GEN-01  {texts(language)['codes']['FT-GEN-01']}", *lines, ""])


def unwritable(problem: OSError, language: object) -> str:
    """Return the message where the disk or the folder's permissions do not let the repository be written."""
    # What shutil collects: the first of (from, to, why).
    why = problem.args[0][0][2] if isinstance(problem, shutil.Error) else problem
    return f"FT-GEN-02  {texts(language)['codes']['FT-GEN-02'].format(problem=why)}\n"


def next_steps(root: Path, answers: naming.Answers, *, recorded: bool, versioned: bool) -> str:
    """Return what the user reads when the repository is ready: what is next, as commands to paste."""
    language = answers["language"]
    values = {"name": answers["flow_name"], "slug": answers["flow_slug"], "folder": quoted([str(root)])}
    url = quoted([answers["repo_url"]])
    for name in ("empty", "push"):
        values[name] = text(name, language, url=url) if answers["code_source"] == "git" else ""
    ready = text("ready", language, **values, message=quoted([text("message", language)]))
    address = f"{naming.definition()['_git_base_url']}/flow-template.git"
    missing = [("no_git", versioned), ("no_origin", recorded)]
    return ready + "".join(text(name, language, address=address) for name, there in missing if not there)


def label(question: str, language: object) -> str:
    """Return what the user saw a question called, in one language; what is no question, as it was typed."""
    found = naming.definition()["__prompts__"].get(question, question)
    both = found["__prompt__"] if isinstance(found, dict) else found
    return re.split(r":|,(?! or? )", half(both, language))[0]


def corrected(problems: Problems, answers: naming.Answers, given: Given | None = None) -> dict[str, str]:
    """Return the answers for the command that works: what the user gave, with the suggestions in place."""
    public = {name: str(answers[name]) for name in naming.questions() if name in answers}
    kept = dict(public if given is None else given)
    for question, value, code, suggestion in problems:
        if code != "FT-ANSWER-01":
            kept[question] = suggestion
        else:
            kept.setdefault(suggestion.partition("=")[0], value)
    # Correcting one answer may spoil what derived from it: look once more, with everything in place.
    kept |= {problem.question: problem.suggestion for problem in naming.problems({**public, **kept})}
    return {name: kept[name] for name in naming.questions() if name in kept}


def shown(value: str) -> str:
    """Return `value` fit for a terminal: credentials masked, controls escaped, cut short."""
    public = naming.without_credentials(value, "***")
    visible = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in public)
    return f'"{visible if len(visible) <= _LONGEST_SHOWN else visible[:_LONGEST_SHOWN] + "..."}"'


def quoted(words: Sequence[str]) -> str:
    """Return the words as one line for the user's shell: PowerShell on Windows, else POSIX."""
    return " ".join(map(_quoted_for_powershell if sys.platform == "win32" else shlex.quote, words))


def _quoted_for_powershell(word: str) -> str:
    r"""Quote for Windows PowerShell 5.1, the one that Windows has: it hands `"` on only as `\"`."""
    if word and all(each.isalnum() or each in "-_./:\\=" for each in word) and not word.startswith("-="):
        return word
    return "'" + word.replace("'", "''").replace('"', '\\"') + "'"


def say(said: str, stream: TextIO) -> None:
    """Write a text to `stream`, which has it at once."""
    stream.write(fit(said, stream))
    stream.flush()


def fit(said: str, stream: TextIO) -> str:
    """Return what `stream` can show of a text, with ? for the rest: a cp1252 console must not raise."""
    encoding = stream.encoding or "utf-8"
    return said.encode(encoding, "replace").decode(encoding)
