"""What users read, by code, in Spanish and in English: the texts are `es.toml` and `en.toml` beside this file.

A message says what is wrong and with which value, why it matters, and what to do.
"""

from __future__ import annotations

import difflib
import locale
import os
import re
import tomllib
import traceback
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flow_ops import repository


class FlowOpsError(Exception):
    """A problem that a user can fix; its text is the whole message, ready to print."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        self.logged = False
        super().__init__(code)

    def places(self, root: Path) -> list[str]:
        """Return the lines of the team's code, in files below `root`, on the way to this; the outermost first."""
        frames = [(Path(frame.filename), frame) for frame in traceback.extract_tb(self.__traceback__)]
        return [
            f"{file.relative_to(root)}:{frame.lineno}, in {frame.name}"
            for file, frame in frames
            if file.is_relative_to(root) and not {"vendor", ".venv"} & {*file.relative_to(root).parts}
        ]

    def __str__(self) -> str:
        """Render the message; only now, because the language may be what cannot be read."""
        return render(self.code, **self.values)


@lru_cache
def _document(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((files(__name__) / f"{language}.toml").read_text(encoding="utf-8"))


def catalogue(language: str) -> dict[str, dict[str, str]]:
    """Return every message of `es` or `en` by its code; what, why and do are `str.format` templates."""
    return {code: parts for code, parts in _document(language).items() if code != "text"}


def texts(language: str) -> dict[str, str]:
    """Return every text of `es` or `en` that is no message about a problem, by its key."""
    return _document(language)["text"]


def text(key: str, **values: Any) -> str:
    """Return the text of `key` in the user's language; of `key` and "-one", if there is one, where the count is 1.

    Raises:
        KeyError: `key` is unknown, or its text names a value that was not given.
    """
    known = texts(language())
    one = f"{key}-one" if values.get("count") == 1 else ""
    return _tidy(known.get(one, known[key]).format(**_shown(values)))


def language() -> str:
    """Return `es` or `en`: the variable `FLOW_LANGUAGE`, else the repository's, else the system's; es if neither."""
    chosen = os.environ.get("FLOW_LANGUAGE", "")
    if chosen in ("es", "en"):
        return chosen
    try:
        found = repository.find()
    except ValueError:  # Its pyproject.toml cannot be read, which is told in some language.
        found = None
    said = (
        found.pyproject["tool"]["flow-ops"].get("language")
        if found
        else (locale.getlocale()[0] or "")[:2].lower()
    )
    return "en" if said == "en" else "es"


def render(code: str, **values: Any) -> str:
    """Return the message of `code` in the repository's language, on three lines.

    Raises:
        KeyError: `code` is unknown, or its text names a value that was not given.
    """
    chosen = language()
    parts = _document(chosen)[code]
    values = _shown(values)
    words = texts(chosen)
    return "\n".join(
        (
            f"{code}  {_tidy(parts['what'].format(**values))}",
            f"  {words['words.why']}: {parts['why'].format(**values)}",
            f"  {words['words.do']}: {parts['do'].format(**values)}",
        )
    )


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as a text shows them: a time as `1 h 30 min`, a message inside another further in."""
    shown = dict(values)
    for name, value in values.items():
        if isinstance(value, timedelta):
            minutes, seconds = divmod(value.total_seconds(), 60)
            parts = (*divmod(int(minutes), 60), seconds)
            units = zip(parts, ("h", "min", "s"), strict=True)
            shown[name] = " ".join(f"{part:g} {unit}" for part, unit in units if part) or "0 s"
        elif re.search(r"FT-[A-Z]+-\d\d  ", str(value)):
            shown[name] = re.sub(r"\n(?=  \S)", "\n  ", str(value))
    return shown


def _tidy(said: str) -> str:
    """Leave out what asks or lists nothing, where nothing is near what was written, or nothing is there at all."""
    sentence = r" (¿Quisiste decir|Did you mean|Hay:|There are:|Conoce:|It knows:) -[?.]"
    clause = r"; (hay|son|tiene|archivos en conflicto|there are|they are|it has|files in conflict): -(?=\.)"
    return re.sub(f"{sentence}|{clause}", "", said)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like `name`, or a dash where none is: "Did you mean {near}?" is left out then."""
    # The dashes that all options begin with make none of them alike.
    words = {each.lstrip("-"): each for each in known}
    near = difflib.get_close_matches(name.lstrip("-"), words, n=1, cutoff=0.5)
    return words[near[0]] if near else "-"
