"""Other programs, run to their end: without a terminal, and what they print is text, whatever its bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run(
    command: Sequence[str],
    folder: str | Path | None,
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder (None: this process's own), with an environment (None: this process's own).

    Raises:
        OSError: there is no such program; subprocess.TimeoutExpired: it took more than `seconds`.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
    )
