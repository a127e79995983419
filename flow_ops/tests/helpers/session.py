"""What every session of tests has, the library's and the template's: isolation, one cache, a server, slow files first.

A pytest plugin. It is imported before anything imports Prefect, which then knows no profile, home, server or `.env`
but those that the tests make.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from flow_ops import git
from helpers.support import CACHE, prefect_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.support import Server

for _name in [name for name in os.environ if name.startswith(("PREFECT_", "FLOW_"))]:
    del os.environ[_name]
# Nor does git see which repository a git hook or another tool stands in.
for _name in {*git.POINTERS} & os.environ.keys():
    del os.environ[_name]
# The library is imported where it stands: compiled files there would be generated with it. Programs
# that are started on it are told so one by one: those of a generated environment start faster with theirs.
sys.dont_write_bytecode = True
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
HOME = Path(tempfile.mkdtemp(prefix="flow-template-tests-"))
os.environ |= {
    "PREFECT_HOME": str(HOME / "prefect"),
    "PREFECT_PROFILES_PATH": str(HOME / "profiles.toml"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "COOKIECUTTER_CONFIG": str(HOME / "cookiecutter.yaml"),
}
(HOME / "cookiecutter.yaml").write_text(
    f"cookiecutters_dir: {HOME / 'cookiecutters'}\nreplay_dir: {HOME / 'replay'}\n", encoding="utf-8"
)

# Minutes each.
SLOWEST = {"test_docs.py", "test_repository_environment.py", "test_watchdog_server.py"}


def pytest_configure() -> None:
    """Give a session a cache of its own, one for all the processes of pytest-xdist; uv's stays warm."""
    if CACHE in os.environ:  # They have the variables of the first.
        return
    uv = subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, encoding="utf-8")
    system = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    os.environ |= dict.fromkeys((CACHE, system), str(HOME / "cache"))
    os.environ["UV_CACHE_DIR"] = uv.stdout.strip()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001
    """Two processes more than there are processors: they often wait for servers and runs."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: xdist hands out whole files, and the last one keeps the other processes waiting."""
    slow = {item.path for item in items for mark in ("e2e", "environment") if item.get_closest_marker(mark)}
    items.sort(key=lambda item: (item.path.name not in SLOWEST, item.path not in slow))


def pytest_unconfigure() -> None:
    """Leave nothing."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for the tests of a module that only add to it, under names of their own."""
    with prefect_server(tmp_path_factory.mktemp("server")) as started:
        yield started
