"""Isolation and the fixtures that several test modules share."""

from __future__ import annotations

import importlib
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
from tests import organisation
from tests.support import CACHE, prefect_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support import Server
    from tests.workshop import Workshop

# Before anything imports Prefect: no profile, home, server or .env but those that the tests make.
for _name in [name for name in os.environ if name.startswith(("PREFECT_", "FLOW_"))]:
    del os.environ[_name]
# Nor does git see which repository a git hook or another tool stands in.
for _name in {*git.POINTERS} & os.environ.keys():
    del os.environ[_name]
# The managed package is imported where it stands: compiled files there would be generated with it. Programs
# that are started on it are told so one by one: those of a generated environment start faster with theirs.
sys.dont_write_bytecode = True
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
_HOME = Path(tempfile.mkdtemp(prefix="flow-template-tests-"))
os.environ |= {
    "PREFECT_HOME": str(_HOME / "prefect"),
    "PREFECT_PROFILES_PATH": str(_HOME / "profiles.toml"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "COOKIECUTTER_CONFIG": str(_HOME / "cookiecutter.yaml"),
}
(_HOME / "cookiecutter.yaml").write_text(
    f"cookiecutters_dir: {_HOME / 'cookiecutters'}\nreplay_dir: {_HOME / 'replay'}\n", encoding="utf-8"
)

# Minutes each.
SLOWEST = {"test_docs.py", "test_repository_environment.py", "test_watchdog_server.py"}
# The repository itself, unless its cookiecutter.json has the conventions of another organisation.
TEMPLATE = organisation.known(_HOME / "template")
if TEMPLATE != organisation.ROOT:
    sys.path.insert(0, str(TEMPLATE))
    importlib.import_module("flow_template")  # now: pytest puts the repository first again for every module


def pytest_configure() -> None:
    """Give a session a cache of its own, one for all the processes of pytest-xdist; uv's stays warm."""
    if CACHE in os.environ:  # They have the variables of the first.
        return
    uv = subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, encoding="utf-8")
    system = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    os.environ |= dict.fromkeys((CACHE, system), str(_HOME / "cache"))
    os.environ["UV_CACHE_DIR"] = uv.stdout.strip()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001
    """Two processes more than there are processors: they often wait for servers and runs."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: xdist hands out whole files, and the last one keeps the other processes waiting."""
    slow = {item.path for item in items for mark in ("e2e", "environment") if item.get_closest_marker(mark)}
    items.sort(key=lambda item: (item.path.name not in SLOWEST, item.path not in slow))


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


def bake_into(folder: Path, **answers: str) -> Path:
    """Generate a repository below `folder`, in this process, and return its root."""
    from cookiecutter.main import cookiecutter  # noqa: PLC0415

    return Path(
        cookiecutter(str(TEMPLATE), no_input=True, extra_context=answers or None, output_dir=str(folder))
    )


@pytest.fixture(scope="session", autouse=True)
def _the_templates_own_package() -> None:
    """Cookiecutter's environments load the package anew: that of `TEMPLATE`, wherever pytest looks first."""
    sys.path.insert(0, str(TEMPLATE))


@pytest.fixture
def bake(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that generates a repository from answers."""

    def run(**answers: str) -> Path:
        folder = tmp_path / f"baked-{len(list(tmp_path.glob('baked-*')))}"
        folder.mkdir()
        return bake_into(folder, **answers)

    return run


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with the default answers; to be read, not changed. `flow_ops` takes it for its own."""
    from flow_ops import project  # noqa: PLC0415

    root = bake_into(tmp_path_factory.mktemp("repository"))
    os.environ["FLOW_PROJECT_ROOT"] = str(root)
    project.forget()  # Whoever asked before got the template itself.
    yield root
    del os.environ["FLOW_PROJECT_ROOT"]
    project.forget()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for the tests of a module that only add to it, under names of their own."""
    with prefect_server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A real server with pools, and a repository with its git remote; the tests stand in the repository."""
    from tests.workshop import inside, open_workshop, pointing_at  # noqa: PLC0415

    with (
        open_workshop(tmp_path_factory.mktemp("workshop"), bake_into) as place,
        inside(place.root),
        pointing_at(place.server.url),
    ):
        yield place
