"""The template that the tests generate from, and the fixtures that several of its test modules share."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# What a check in them found is shown; and the isolation comes first, before anything imports Prefect.
pytest.register_assert_rewrite("helpers", "tests.releases")
from helpers.session import HOME  # noqa: E402
from tests import organisation  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


pytest_plugins = ["helpers.session"]

# The repository itself, unless its cookiecutter.json has the conventions of another organisation.
TEMPLATE = organisation.known(HOME / "template")
if TEMPLATE != organisation.ROOT:
    sys.path.insert(0, str(TEMPLATE))
    importlib.import_module("flow_template")  # now: pytest puts the repository first again for every module


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
def _generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bake_into(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def repository(_generated: Path) -> Iterator[Path]:
    """A repository with the default answers; to be read, not changed. `flow_ops` takes it for its own."""
    from helpers.workshop import inside  # noqa: PLC0415

    with inside(_generated):
        yield _generated
