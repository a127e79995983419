"""Cookiecutter's questions in the language that was chosen: it has one text for each, and renders none of them."""

from collections.abc import Iterator

from rich import get_console
from rich.console import ConsoleRenderable, RenderHook
from rich.text import Text

from flow_template import naming
from flow_template.texts import half, texts


def ask_in(language: str) -> None:
    """From now on, show of `Nombre / Name` one half, and cookiecutter's own words as they are said here."""
    get_console().push_render_hook(_OneLanguage(language))


class _OneLanguage(RenderHook):
    def __init__(self, language: str) -> None:
        # The longest first: one may be the beginning of another.
        labels = sorted((Text.from_markup(each).plain for each in _labels()), key=len, reverse=True)
        self._said = {each: half(each, language) for each in labels} | texts(language)["cookiecutter"]

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [self._said_here(each) if isinstance(each, Text) else each for each in renderables]

    def _said_here(self, shown: Text) -> Text:
        for theirs, ours in self._said.items():
            before, found, _ = shown.plain.partition(theirs)
            if found:
                parts = shown.divide([len(before), len(before) + len(theirs)])
                parts[1].plain = ours
                shown = shown.blank_copy().join(parts)
        return shown


def _labels() -> Iterator[str]:
    for each in naming.definition()["__prompts__"].values():
        yield from each.values() if isinstance(each, dict) else [each]
