"""The texts of `es.toml` and `en.toml`: all that is said to a user, and heard from one."""

import tomllib
from pathlib import Path
from typing import Any

LANGUAGES = ("es", "en")
_FILES = {each: Path(__file__).with_name(f"{each}.toml") for each in LANGUAGES}
_TEXTS = {each: tomllib.loads(file.read_text(encoding="utf-8")) for each, file in _FILES.items()}


def texts(language: object) -> dict[str, Any]:
    """Return everything in a language; in Spanish where it is none."""
    return _TEXTS["en" if language == "en" else "es"]


def text(name: str, language: object, /, **values: object) -> str:
    """Return one text of a language, with its values."""
    return str(texts(language)[name]).format(**values)
