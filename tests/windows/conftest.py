"""The Windows Python that these tests run on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.windows import helpers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.windows.helpers import Windows


@pytest.fixture(scope="session")
def environment() -> Path:
    """The folder that `make-python` made; the quick tests do not wait for it to be made."""
    folder, why = helpers.made(now=False)
    if folder is None:
        pytest.skip(why)
    return folder


@pytest.fixture(scope="session")
def windows(environment: Path) -> Windows:
    """A Windows Python for programs that leave it as it is."""
    return helpers.Windows(environment / "wine")


@pytest.fixture(scope="module")
def own_windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """A copy for services and folders of a test's own, made first where it is missing."""
    folder, why = helpers.made(now=True)
    if folder is None:
        pytest.skip(why)
    windows = helpers.copy_of(folder, tmp_path_factory.mktemp("windows"))
    with helpers.kept_up(windows):
        yield windows


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes minutes to who asks for it."""
    if os.environ.get("CI_FULL") == "1" or "windows" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("windows"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: ask with -m windows, or CI_FULL=1"))
