"""What the documentation shows of the terminal is what the commands show: questions, plan, apply, run, refusals."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

from docs import terminal

# What is another one each time: days, times, commits, ids, and the names that Prefect invents for runs.
OTHERS = (
    (r"\b\w{3} (?=\d{4}-\d\d-\d\d)", ""),
    (r"\d{4}-\d\d-\d\d", "DAY"),
    (r"(?<=DAY )\d\d:\d\d \(\d\d:\d\d UTC\)|(?<=DAY )\d\d:\d\d", "TIME"),
    (r"\d\d:\d\d:\d\d", "TIME"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\b[0-9a-f]{40}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "COMMIT"),
    (r"\b[0-9a-f]{8}\b(?=$| ->)", "COMMIT"),
    (r"(?<=\w)-[0-9a-f]{3}\b", "-KEY"),
    (r"(?m)^[a-z]+-[a-z]+(?=  http)|(?<=run ')[a-z]+-[a-z]+|(?<=\| )[a-z]+-[a-z]+(?= \|)", "RUN"),
)


def same_every_time(shown: str) -> list[str]:
    """Return the lines without what differs each time; those of a run sorted, for its subflows run side by side."""
    for pattern, name in OTHERS:
        shown = re.sub(pattern, name, shown)
    # A run may leave these states before anybody looks.
    passing = {f"TIME | {state}" for state in ("Scheduled", "Pending", "Submitting")}
    lines = [line.rstrip() for line in shown.splitlines() if line.rstrip() not in passing]
    of_run = sorted(line for line in lines if line.startswith("TIME"))
    return [line for line in lines if not line.startswith("TIME")] + of_run


def compare(made: Path, name: str) -> None:
    new, kept = ((folder / name).read_text(encoding="utf-8") for folder in (made, TEMPLATE / "docs"))
    if name.endswith(".svg"):
        new, kept = terminal.in_picture(new), terminal.in_picture(kept)
    assert same_every_time(new) == same_every_time(kept), "anew: uv run python -m docs.terminal"


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_terminal_shows_what_the_documentation_says_that_it_shows(language: str, tmp_path: Path) -> None:
    terminal.main(tmp_path, (language,))
    for name in (
        f"{language}/questions.svg",
        f"{language}/plan.svg",
        f"{language}/terminal.txt",
    ):
        compare(tmp_path, name)


@pytest.mark.parametrize("language", terminal.LANGUAGES)
def test_what_the_documentation_shows_fits_a_terminal_of_80_columns(language: str) -> None:
    shown = (TEMPLATE / "docs" / language / "terminal.txt").read_text(encoding="utf-8")
    # Messages and log lines are left to the terminal, which wraps them: a program can still read them whole.
    laid_out = [line for line in shown.splitlines() if line.startswith("  ") and ": " not in line]
    assert [line for line in laid_out if len(line) > 80 and "http" not in line] == []
