"""A repository to work for, and a place to deploy in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prefect.client.orchestration import SyncPrefectClient

    from helpers.support import Server
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


@pytest.fixture(scope="session")
def _secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, SyncPrefectClient]]:
    from helpers.workshop import secured_server  # noqa: PLC0415

    # The watchdog's rules are written there; that they act is tested on the other server.
    without_triggers = {"PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false"}
    with secured_server(tmp_path_factory.mktemp("secured"), **without_triggers) as made:
        yield made


@pytest.fixture(scope="module")
def workshop(
    _secured: tuple[Server, SyncPrefectClient], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    """A real server with pools and nothing deployed, and a repository with its git remote, where the tests stand."""
    from helpers.workshop import clear, furnish, inside, pointing_at  # noqa: PLC0415

    place = furnish(tmp_path_factory.mktemp("workshop"), *_secured)
    with inside(place.root), pointing_at(place.server.url):
        yield place
        clear(place.client)
