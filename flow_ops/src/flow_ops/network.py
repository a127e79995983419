"""Proxies: never between this machine and itself, and named where they stand in the way of a server."""

from __future__ import annotations

import ipaddress
import os
import urllib.request
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback() -> None:
    """Keep what talks to this machine from going through a proxy, in this process and those that it starts.

    A company's proxy variables send it all there: Prefect's temporary server then seems not to start, for 2 minutes.
    """
    for name in ("NO_PROXY", "no_proxy"):
        spared = [host for host in os.environ.get(name, "").split(",") if host]
        if "*" not in spared:
            os.environ[name] = ",".join(dict.fromkeys([*spared, *LOOPBACK]))


def is_loopback(url: str) -> bool:
    """Return whether `url` is an address of this machine that no other can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_of(url: str) -> str | None:
    """Return the proxy that requests to `url` go through, without its password; None where there is none."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    scheme, _, rest = proxy.rpartition("://")
    return f"{scheme or 'http'}://{rest.rpartition('@')[2]}"
