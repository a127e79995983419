"""The addresses of Prefect's UI: those of the interface that the server opens, whatever its address is written like."""

from __future__ import annotations

import contextlib
import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from flow_ops import ui
from helpers.support import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = UUID("00000000-0000-0000-0000-000000000001")
OPENS_NEW = {"default_ui": "v2", "available_uis": ["v1", "v2"]}


@contextlib.contextmanager
def server(settings: dict[str, Any] | None) -> Iterator[str]:
    """Stand in for servers that cannot run here, of an older Prefect or without UI: what each says of its interfaces."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = settings is not None and self.path == "/ui-settings"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(settings).encode() if known else b"")

        def log_message(self, *_: object) -> None: ...

    with serving(Answers) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (OPENS_NEW, "/v2/runs/flow-run/"),
        (OPENS_NEW | {"default_ui": "v1"}, "/runs/flow-run/"),
        ({"api_url": "of an older Prefect"}, "/runs/flow-run/"),
        (None, "/runs/flow-run/"),
    ],
    ids=["the new one", "the old one", "of before the new one", "it does not say"],
)
@pytest.mark.parametrize("written", ["http://{}/api", "http://{}/api/", "http://me:hunter2@{}/api"])
def test_a_link_leads_to_the_interface_that_the_server_opens_and_holds_no_password(
    settings: dict[str, Any] | None, path: str, written: str
) -> None:
    with server(settings) as host, temporary_settings({PREFECT_API_URL: written.format(host)}):
        assert ui.page("flow-run", RUN) == f"http://{host}{path}{RUN}"


def test_there_is_no_link_where_the_server_has_no_interface() -> None:
    none = OPENS_NEW | {"available_uis": []}
    with server(none) as host, temporary_settings({PREFECT_API_URL: f"http://{host}/api"}):
        assert (ui.address(), ui.page("flow-run", RUN)) == ("", "")


def test_the_address_that_a_person_set_is_the_one_that_is_shown() -> None:
    with server(OPENS_NEW) as host, temporary_settings({PREFECT_UI_URL: f"http://{host}/v2"}):
        assert ui.page("flow-run", RUN) == f"http://{host}/v2/runs/flow-run/{RUN}"
