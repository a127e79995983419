"""Repositories to measure with, generated in this process and without a word."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from tests.conftest import bake_into

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def generate(folder: Path, **answers: str) -> Path:
    """Generate a repository below `folder` and return its root."""
    with _quiet():
        return bake_into(folder, **answers)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what is printed to the null device, also by the hooks' processes."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
