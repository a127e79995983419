"""What is printed for people: in colour on a terminal, plain in a file, for another program, or with NO_COLOR."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TextIO

from rich.console import Console
from rich.text import Text

from flow_ops.messages import FlowOpsError

# rich's names of colours.
COLOURS = {
    "new": "green",
    "changed": "yellow",
    "same": "dim",
    "bad": "bold red",
    "note": "yellow",
    "good": "green",
}


def line(said: str = "", stream: TextIO | None = None, style: str = "") -> None:
    """Print a line at once: a program that reads this one follows a run as it happens."""
    where = stream or sys.stdout
    if where.isatty():
        console(where).print(Text(said, style=style), soft_wrap=True)
    else:
        print(said, file=where, flush=True)


def console(where: TextIO) -> Console:
    """Return a terminal to draw on; with NO_COLOR, without bold and dim too."""
    # While a line moves, rich has a stream of its own in the place of this one.
    return _console(getattr(where, "rich_proxied_file", where), bool(os.environ.get("NO_COLOR")))


@lru_cache
def _console(where: TextIO, plain: bool) -> Console:
    """Return the one console of a stream: what it prints stands above a line of its own that moves."""
    return Console(file=where, highlight=False, color_system=None if plain else "auto")


def problem(found: FlowOpsError, stream: TextIO | None = None, *, stops: bool = True) -> None:
    """Print a problem, or a warning, where errors go, or where it is a part of what is asked for."""
    line(str(found), stream or sys.stderr, COLOURS["bad" if stops else "note"])
