"""Ctrl-C and SIGTERM: what changes a repository gets to its end, and what is only under way leaves nothing behind."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore both for the moment that a change takes, here and in the programs that are started meanwhile."""
    with _handled(dict.fromkeys(_ENDING, signal.SIG_IGN)):
        yield


@contextlib.contextmanager
def sigterm_ends_in_order() -> Iterator[None]:
    """Make SIGTERM an exception, as Ctrl-C is: temporary folders go, and what is half done is undone."""
    with _handled({signal.SIGTERM: lambda *_: sys.exit(128 + signal.SIGTERM)}):
        yield


@contextlib.contextmanager
def _handled(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread have a say.
        return
    before = {each: signal.signal(each, handler) for each, handler in handlers.items()}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
