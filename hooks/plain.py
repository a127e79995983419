"""Texts in which only answers are put in, rendered without Jinja, which takes a millisecond to compile one.

What counts is `{{ cookiecutter.area }}`, `{{cookiecutter.__package}}`, `{{ cookiecutter.name | in_quotes }}`
and `{{ cookiecutter | completed('text') | escaped }}`: an answer or all of them, by themselves or through
filters of this template's. It gives what Jinja gives.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import UndefinedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Filters = Mapping[str, Callable[..., object]]

_EXPRESSION = re.compile(r"\{\{ ?cookiecutter(?:\.(\w+))?((?: \| \w+(?:\('\w+'\))?)*) ?\}\}")
_FILTER = re.compile(r" \| (\w+)(?:\('(\w+)'\))?")


def is_plain(source: str, filters: Filters) -> bool:
    """Tell whether `source` needs no more than this."""
    used = {name for found in _EXPRESSION.finditer(source) for name, _ in _FILTER.findall(found[2])}
    return used <= {*filters} and not re.search(r"\{[{%#]", _EXPRESSION.sub("", source))


class Plain:
    """A text that stands in the place of a Jinja template."""

    def __init__(self, source: str, filters: Filters) -> None:
        self._source = source
        self._filters = filters

    def render(self, **variables: Any) -> str:
        """Return the text with its expressions in place.

        Raises:
            UndefinedError: there is no such answer.
        """
        answers = variables["cookiecutter"]
        return _EXPRESSION.sub(lambda found: str(self._value(answers, *found.groups())), self._source)

    def _value(self, answers: Any, name: str | None, through: str) -> object:
        if name and name not in answers:
            raise UndefinedError(f"'dict object' has no attribute {name!r}")
        value = answers[name] if name else answers
        for filter_, argument in _FILTER.findall(through):
            value = self._filters[filter_](value, *([argument] if argument else []))
        return value
