"""Imports of many modules, in less time."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import without looking for garbage, and never look for it among what was imported.

    Modules and classes stay until the process ends, but Python goes through them again and again while it makes
    them, and once more at the end: a quarter of the time that it takes to import Prefect and leave.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def import_prefect() -> None:
    """Import Prefect and what defines flows and tasks, which `import prefect` alone leaves for later."""
    with uncollected():
        from prefect import flow, task  # noqa: F401, PLC0415
