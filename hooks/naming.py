"""Every rule for every answer, as pure functions, and the Jinja extension that applies them at the prompt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jinja2.ext import Extension

if TYPE_CHECKING:
    from jinja2 import Environment


class NamingExtension(Extension):
    """Adds the filters that `cookiecutter.json` and the hooks call."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["in_quotes"] = in_quotes


def in_quotes(text: str) -> str:
    """Return `text` escaped for the inside of double quotes in Python, TOML, YAML and JSON, accents kept."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
