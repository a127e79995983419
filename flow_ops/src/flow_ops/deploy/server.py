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
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import get_current_settings

from flow_ops.messages import FlowOpsError

# Seconds. Prefect's own 60, times its retries, make a server that never answers hang a deployment for minutes.
TIMEOUT = 5.0


@contextlib.contextmanager
def connect() -> Iterator[SyncPrefectClient]:
    """Yield a client of the configured server, once it has answered with a version that this one can talk to.

    Raises:
        FlowOpsError: FT-SERVER-02 to FT-SERVER-09.
    """
    url = api_url()
    with (
        coded(),
        get_client(httpx_settings={"timeout": TIMEOUT}, sync_client=True) as client,
    ):
        with _no_retries():
            _check_version(client, url)
        # From here on Prefect's own retries hold: a server on SQLite answers 503 while another writes.
        yield client


@contextlib.contextmanager
def _no_retries() -> Iterator[None]:
    """Let a server that is off be told at once.

    Prefect's `temporary_settings` would read every setting again: a tenth of the time of a whole plan.
    """
    context = get_settings_context()
    once = context.settings.client.model_copy(update={"max_retries": 0})
    settings = context.settings.model_copy(update={"client": once})
    with SettingsContext(profile=context.profile, settings=settings):
        yield


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


def _check_version(client: SyncPrefectClient, url: str) -> None:
    if client.server_type == ServerType.CLOUD:
        return
    try:
        server = Version(client.api_version())
    except (ValueError, TypeError):
        raise FlowOpsError("FT-SERVER-06", url=without_credentials(url)) from None
    except (prefect.exceptions.PrefectHTTPStatusError, httpx.HTTPStatusError) as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        raise FlowOpsError("FT-SERVER-06", url=without_credentials(url)) from None
    ours = Version(prefect.__version__)
    # A server one patch behind is everyday life; one minor version behind refuses fields that it does not know.
    if server.major != ours.major or server.release[:2] < ours.release[:2]:
        raise FlowOpsError("FT-SERVER-07", url=without_credentials(url), server=server, client=ours)
