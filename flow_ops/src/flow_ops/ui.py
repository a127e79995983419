"""Prefect's UI: the addresses of its pages, in the one of its two interfaces that the server opens by default."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from prefect.settings import PREFECT_UI_URL, get_current_settings, temporary_settings
from prefect.utilities.urls import url_for

# Seconds.
TIMEOUT = 5.0


def address() -> str:
    """Return the address of the interface that the server opens; "" where no server is configured, or it has none.

    Prefect's own links lead to its old one, whichever the server opens, unless this is set as `PREFECT_UI_URL`.
    """
    parts = urlsplit(get_current_settings().ui_url or "")
    site = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    return _opened(site) if site else ""


def page(kind: Literal["deployment", "flow-run"], key: UUID) -> str:
    """Return the address of the page of a deployment or run; "" where no server is configured."""
    with temporary_settings({PREFECT_UI_URL: address()}):
        return url_for(kind, obj_id=key) or ""


def get(url: str) -> httpx.Response:
    """Ask without a password, and trust the certificate that Prefect's client trusts."""
    api = get_current_settings().api
    verify: ssl.SSLContext | bool = not api.tls_insecure_skip_verify
    if verify and api.ssl_cert_file:
        verify = ssl.create_default_context(cafile=api.ssl_cert_file)
    return httpx.get(url, timeout=TIMEOUT, verify=verify)


@lru_cache
def _opened(site: str) -> str:
    try:
        said = get(f"{site}/ui-settings").json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return site
    if not isinstance(said, dict) or "default_ui" not in said:
        return site
    if not said.get("available_uis", True):
        return ""
    return f"{site}/v2" if said["default_ui"] == "v2" else site
