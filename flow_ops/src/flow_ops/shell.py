"""Commands as they are typed: in bash, and in the PowerShell 5.1 that Windows has."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable


def arguments(words: Iterable[str]) -> str:
    """Return the words of a command after the program's name, for the shell of this system."""
    return " ".join(map(_powershell if sys.platform == "win32" else shlex.quote, words))


def in_bash(words: Iterable[str], variables: Iterable[tuple[str, str]] = ()) -> str:
    """Return a command as one line of bash, with environment variables of its own."""
    given = [f"{name}={shlex.quote(value)}" for name, value in variables]
    return " ".join([*given, shlex.join(words)])


def in_powershell(words: Iterable[str], variables: Iterable[tuple[str, str]] = ()) -> str:
    """Return a command as one line of PowerShell, with environment variables that stay for that window."""
    given = "".join(f"$env:{name} = {_in_quotes(value)}; " for name, value in variables)
    line = " ".join(map(_powershell, words))
    return f"{given}{'& ' if line.startswith(_QUOTE) else ''}{line}"


_QUOTE = "'"


def _powershell(word: str) -> str:
    r"""Return a word of a command; PowerShell 5.1 hands `"` on to a program only as `\"`."""
    if re.fullmatch(r"--?[\w=-]+|[\w./:\\][\w./:\\=-]*", word):
        return word
    return _in_quotes(word.replace('"', '\\"'))


def _in_quotes(text: str) -> str:
    return f"'{text.replace(_QUOTE, _QUOTE * 2)}'"
