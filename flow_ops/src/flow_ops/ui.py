"""Prefect's UI: the addresses of its pages, in the one of its two interfaces that the server opens by default."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Literal
from uuid import UUID

import httpx
from prefect.settings import PREFECT_UI_URL, get_current_settings, temporary_settings
from prefect.utilities.urls import url_for

# Seconds.
TIMEOUT = 5.0


def address() -> str:
    """Return the address of the interface that the server opens; "" where no server is configured.

    Prefect's own links lead to its old one, whichever the server opens, unless this is set as `PREFECT_UI_URL`.
    """
    site = get_current_settings().ui_url or ""
    return f"{site}/v2" if site and _opens_new(site) else site


def page(kind: Literal["deployment", "flow-run"], key: UUID) -> str:
    """Return the address of the page of a deployment or run; "" where no server is configured."""
    with temporary_settings({PREFECT_UI_URL: address()}):
        return url_for(kind, obj_id=key) or ""


def get(url: str) -> httpx.Response:
    """Ask without a password, and trust the certificate that Prefect's client trusts."""
    authority = get_current_settings().api.ssl_cert_file
    context = ssl.create_default_context(cafile=authority) if authority else True
    return httpx.get(url, timeout=TIMEOUT, verify=context)


@lru_cache
def _opens_new(site: str) -> bool:
    try:
        said = get(f"{site}/ui-settings").json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(said, dict) and said.get("default_ui") == "v2"
