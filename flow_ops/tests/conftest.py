"""A repository to work for, and a place to deploy in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.workshop import Workshop

# First: it isolates this process before anything imports Prefect.
pytest_plugins = ["helpers.session"]


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from helpers.repositories import make_repository  # noqa: PLC0415

    return make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def repository(_made: Path) -> Iterator[Path]:
    """A repository to be read, not changed; `flow_ops` takes it for its own."""
    from helpers.workshop import inside  # noqa: PLC0415

    with inside(_made):
        yield _made


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A real server with pools, and a repository with its git remote; the tests stand in the repository."""
    from helpers.workshop import inside, open_workshop, pointing_at  # noqa: PLC0415

    with (
        open_workshop(tmp_path_factory.mktemp("workshop")) as place,
        inside(place.root),
        pointing_at(place.server.url),
    ):
        yield place
