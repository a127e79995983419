"""The Prefect server: reached within seconds or refused with the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import prefect
from packaging.version import Version
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

from flow_ops.messages import FlowOpsError

# Seconds. Prefect's own 60, times its retries, make a server that never answers hang a deployment for minutes.
TIMEOUT = 5.0


@contextlib.contextmanager
def connect() -> Iterator[SyncPrefectClient]:
    """Yield a client of the configured server, once it has answered with a version that this one can talk to.

    Raises:
        FlowOpsError: FT-SERVER-02 to FT-SERVER-09.
    """
    with (
        coded(),
        get_client(httpx_settings={"timeout": TIMEOUT}, sync_client=True) as client,
    ):
        # A server that is off is told at once.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            _check_version(client)
        # From here on Prefect's own retries hold: a server on SQLite answers 503 while another writes.
        yield client


def api_url() -> str:
    """Return the address of the server's API, which must be set.

    Without one Prefect starts a temporary, empty server, and then says that the work pool is missing.

    Raises:
        FlowOpsError: FT-SERVER-09 where none is set, FT-SERVER-02 where it is no address of an API.
    """
    url = get_current_settings().api.url
    if not url:
        raise FlowOpsError("FT-SERVER-09")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.rstrip("/") == "":
        raise FlowOpsError("FT-SERVER-02", url=without_credentials(url))
    return url


def without_credentials(url: str) -> str:
    """Return `url` without user and password, fit to be shown."""
    head, _, tail = url.partition("://")
    return f"{head}://{tail.rpartition('@')[2]}" if tail else head


@contextlib.contextmanager
def coded() -> Iterator[None]:
    """Turn what goes wrong in a request into FT-SERVER-03, -04, -05 or -08."""
    shown = without_credentials(api_url())
    try:
        yield
    except (prefect.exceptions.PrefectHTTPStatusError, httpx.HTTPStatusError) as error:
        status = error.response.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise FlowOpsError("FT-SERVER-05", url=shown, status=status) from None
        request = f"{error.request.method} {error.request.url.path}"
        answer = error.response.text[:500]
        raise FlowOpsError("FT-SERVER-08", request=request, status=status, answer=answer) from None
    except httpx.TimeoutException:
        raise FlowOpsError("FT-SERVER-04", url=shown, seconds=f"{TIMEOUT:g}") from None
    except httpx.TransportError as error:
        raise FlowOpsError("FT-SERVER-03", url=shown, reason=error) from None


def version(client: SyncPrefectClient) -> Version | None:
    """Return the server's version; None for Prefect Cloud, which is always the newest.

    Raises:
        FlowOpsError: FT-SERVER-06 where something else than Prefect answers.
    """
    if client.server_type == ServerType.CLOUD:
        return None
    url = without_credentials(str(client.api_url))
    try:
        return Version(client.api_version())
    except (ValueError, TypeError):
        raise FlowOpsError("FT-SERVER-06", url=url) from None
    except (prefect.exceptions.PrefectHTTPStatusError, httpx.HTTPStatusError) as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        raise FlowOpsError("FT-SERVER-06", url=url) from None


def older(client: SyncPrefectClient) -> Iterator[FlowOpsError]:
    """Yield FT-SERVER-10, a warning, for a server that is a minor version or more behind.

    A request that such a server refuses is FT-SERVER-08, which names it. Measured with 3.9 against 3.8: none is.
    """
    ours, theirs = Version(prefect.__version__), version(client)
    if theirs and theirs.release[:2] < ours.release[:2]:
        url = without_credentials(str(client.api_url))
        yield FlowOpsError("FT-SERVER-10", url=url, server=theirs, client=ours)


def _check_version(client: SyncPrefectClient) -> None:
    ours, theirs = Version(prefect.__version__), version(client)
    if theirs and theirs.major != ours.major:
        url = without_credentials(str(client.api_url))
        raise FlowOpsError("FT-SERVER-07", url=url, server=theirs, client=ours)
