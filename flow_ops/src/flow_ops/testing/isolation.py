"""Prefect isolated, before anything imports it: the first of the two plugins that `flow_ops.testing` turns on.

A home of its own, no profile, no `.env` or `prefect.toml`, no API address, no analytics, and none of the team's
`FLOW_*` settings; nor does git see which repository a hook or another tool stands in.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flow_ops import git
from flow_ops.messages import render, text
from flow_ops.network import spare_loopback

# So that a check that fails says what was there.
pytest.register_assert_rewrite("flow_ops.testing.e2e")

HOME = Path(tempfile.mkdtemp(prefix="flow-tests-")).resolve()
_PREFECT_CAME_FIRST = "prefect" in sys.modules
_IGNORED = sorted(
    name
    for name in os.environ
    if name.startswith(("PREFECT_", "FLOW_")) and name not in ("FLOW_PROJECT_ROOT", "FLOW_LANGUAGE")
)


@contextlib.contextmanager
def no_settings_files() -> Iterator[None]:
    """Let Prefect read the environment, and no file: `.env` and the others are read in the current folder."""
    before = Path.cwd()
    os.chdir(HOME)
    try:
        yield
    finally:
        os.chdir(before)


def _isolate() -> None:
    # Not one git command of a test may act on the repository that a git hook or another tool stands in.
    for name in {*_IGNORED, *git.POINTERS} & os.environ.keys():
        del os.environ[name]
    spare_loopback()
    os.environ |= {
        "PREFECT_HOME": str(HOME),
        "PREFECT_PROFILES_PATH": str(HOME / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.1",
        "DO_NOT_TRACK": "1",
    }
    with no_settings_files():
        importlib.import_module("prefect")


if not _PREFECT_CAME_FIRST:
    _isolate()


def pytest_configure() -> None:
    """Refuse a Prefect that has read its settings already."""
    if _PREFECT_CAME_FIRST:
        raise pytest.UsageError(render("FT-TEST-04"))


def pytest_report_header() -> list[str]:
    """Say what of the environment the tests do not see; the names, not the values."""
    said = [text("test.isolated", folder=HOME)]
    return [*said, text("test.ignored", names=", ".join(_IGNORED))] if _IGNORED else said
