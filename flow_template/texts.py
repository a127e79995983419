"""The texts of `es.toml` and `en.toml`: all that is said to a user, and heard from one."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("es", "en")


def texts(language: object) -> dict[str, Any]:
    """Return everything in a language; in Spanish where it is none."""
    return _read("en" if language == "en" else "es")


@cache
def _read(language: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))


def half(label: str, language: object) -> str:
    """Return what a label of `cookiecutter.json` (`Nombre / Name`) says in one language."""
    return label.split(" / ")[-1 if language == "en" else 0]


def text(name: str, language: object, /, **values: object) -> str:
    """Return one text of a language, with its values."""
    return str(texts(language)[name]).format(**values)
