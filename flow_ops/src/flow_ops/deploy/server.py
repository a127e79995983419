"""The Prefect server: reached within seconds or refused with the reason, and what it is asked."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import prefect
from packaging.version import Version
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, Log, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort, LogSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

from flow_ops import project, ui
from flow_ops.deploy.targets import Target
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text
from flow_ops.network import is_loopback, proxy_of

# Seconds. Prefect's own 60, times its retries, make a server that never answers hang a deployment for minutes.
TIMEOUT = 5.0
# As much as the server gives at once.
PAGE = 200
_NOT_ENDED = [each for each in StateType if each not in TERMINAL_STATES]
_NO_ENTRY = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)

_Item = TypeVar("_Item")


@contextlib.contextmanager
def connect() -> Iterator[SyncPrefectClient]:
    """Yield a client of the configured server, once it has answered with a version that this one can talk to.

    Raises:
        FlowOpsError: FT-SERVER-02 to FT-SERVER-09, and FT-SERVER-13.
    """
    _refuse_unusable_settings()
    with coded(), get_client(httpx_settings={"timeout": TIMEOUT}, sync_client=True) as client:
        # A server that is off is told at once.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            ours, theirs = Version(prefect.__version__), version(client)
            if theirs and theirs.major != ours.major:
                url = without_credentials(api_url())
                raise FlowOpsError("FT-SERVER-07", url=url, server=theirs, client=ours)
        # From here on Prefect's own retries hold: a server on SQLite answers 503 while another writes.
        yield client


def _refuse_unusable_settings() -> None:
    """Raise FT-SERVER-13 for a key or a certificate with which no request can be made."""
    api = get_current_settings().api
    key = api.key.get_secret_value() if api.key else ""
    if not (key.isascii() and key.isprintable()):
        raise FlowOpsError("FT-SERVER-13", setting="PREFECT_API_KEY", reason=text("server.key"))
    try:
        if api.ssl_cert_file:
            ssl.create_default_context(cafile=api.ssl_cert_file)
    except OSError as error:
        reason = f"{api.ssl_cert_file}: {error.strerror or error}"
        raise FlowOpsError("FT-SERVER-13", setting="PREFECT_API_SSL_CERT_FILE", reason=reason) from None


def api_url() -> str:
    """Return the address of the server's API, which must be set.

    Without one Prefect starts a temporary, empty server, and then says that the work pool is missing.

    Raises:
        FlowOpsError: FT-SERVER-09 where none is set, FT-SERVER-02 where it is no address of an API.
    """
    url = get_current_settings().api.url
    if not url:
        raise FlowOpsError("FT-SERVER-09")
    if not _is_address(url):
        shown = without_credentials(url)
        full = [f"{scheme}{shown.rstrip('/').removesuffix('/api')}/api" for scheme in ("", "http://")]
        meant = next(filter(_is_address, full), "http://127.0.0.1:4200/api")
        raise FlowOpsError("FT-SERVER-02", url=shown, meant=meant)
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False
    return parts.scheme in ("http", "https") and there and parts.path.rstrip("/") != ""


@contextlib.contextmanager
def coded() -> Iterator[None]:
    """Turn what goes wrong in a request into FT-SERVER-03, -04, -05, -08 or -11."""
    shown = without_credentials(api_url()).rstrip("/")
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in _NO_ENTRY:
            raise FlowOpsError("FT-SERVER-05", url=shown, status=status) from None
        request = f"{error.request.method} {error.request.url.path}"
        answer = error.response.text[:500]
        raise FlowOpsError("FT-SERVER-08", request=request, status=status, answer=answer) from None
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        if proxy := proxy_of(api_url()):
            raise FlowOpsError("FT-SERVER-11", url=shown, proxy=proxy, reason=reason) from None
        if isinstance(error, httpx.TimeoutException):
            raise FlowOpsError("FT-SERVER-04", url=shown, seconds=f"{TIMEOUT:g}") from None
        raise FlowOpsError("FT-SERVER-03", url=shown, reason=reason) from None


def open_to_all() -> Iterator[FlowOpsError]:
    """Yield a warning where a server that other machines can reach answers without user or password."""
    url = api_url()
    if is_loopback(url):
        return
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    with contextlib.suppress(httpx.HTTPError):  # Without an answer, nothing was given away.
        if ui.get(f"{bare.rstrip('/')}/admin/version").is_success:
            yield FlowOpsError("FT-SERVER-12", url=bare)


def version(client: SyncPrefectClient) -> Version | None:
    """Return the server's version; None for Prefect Cloud, which is always the newest.

    Raises:
        FlowOpsError: FT-SERVER-06 where something else than Prefect answers.
    """
    if client.server_type == ServerType.CLOUD:
        return None
    try:
        return Version(client.api_version())
    except (ValueError, TypeError):
        pass
    except httpx.HTTPStatusError as error:
        if error.response.is_server_error or not _is_another(client):
            raise
    raise FlowOpsError("FT-SERVER-06", url=without_credentials(api_url()))


def _is_another(client: SyncPrefectClient) -> bool:
    """Say whether what answers is no Prefect server: it has no `/health`, for which Prefect asks no password.

    A proxy in front of a server may ask for one.
    """
    answer = getattr(client.api_healthcheck(), "response", None)
    return answer is not None and answer.is_client_error and answer.status_code not in _NO_ENTRY


def older(client: SyncPrefectClient) -> Iterator[FlowOpsError]:
    """Yield FT-SERVER-10, a warning, for a server that is a minor version or more behind.

    A request that such a server refuses is FT-SERVER-08, which names it. Measured with 3.9 against 3.8: none is.
    """
    ours, theirs = Version(prefect.__version__), version(client)
    if theirs and theirs.release[:2] < ours.release[:2]:
        url = without_credentials(api_url())
        yield FlowOpsError("FT-SERVER-10", url=url, server=theirs, client=ours)


def pages(read: Callable[..., list[_Item]]) -> Iterator[_Item]:
    """Yield what `read` returns, page after page."""
    offset = 0
    while page := read(limit=PAGE, offset=offset):
        yield from page
        if len(page) < PAGE:
            return
        offset += PAGE


def workers_online(client: SyncPrefectClient, pool: str) -> int | None:
    """Return how many workers of a pool have sent a heartbeat lately; None where there is no such pool."""
    online = filters.WorkerFilter(status=filters.WorkerFilterStatus(any_=["ONLINE"]))
    try:
        return len(client.read_workers_for_work_pool(pool, worker_filter=online))
    except PrefectHTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise


def read(client: SyncPrefectClient, full_name: str) -> DeploymentResponse | None:
    """Return a deployment by `flow/deployment`, or None."""
    try:
        return client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None


def unnamed(client: SyncPrefectClient, targets: Sequence[Target]) -> dict[str, DeploymentResponse]:
    """Return this repository's deployments that the file does not name, such as one renamed, by full name.

    They are those with the repository's tag, and those of its flows that were made in other ways.
    """
    named = {target.full_name for target in targets}
    tag = f"repository:{project.current().slug}"
    tagged = client.read_deployments(
        deployment_filter=filters.DeploymentFilter(tags=filters.DeploymentFilterTags(all_=[tag]))
    )
    flows = sorted({target.loaded.flow.name for target in targets})
    ours = client.read_deployments(flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=flows)))
    found = by_full_name(client, [*tagged, *ours])
    return {name: one for name, one in sorted(found.items()) if name not in named}


def by_full_name(client: SyncPrefectClient, found: list[DeploymentResponse]) -> dict[str, DeploymentResponse]:
    """Return deployments by `flow/deployment`, for which the server is asked the names of their flows."""
    flows = filters.FlowFilterId(any_=sorted({one.flow_id for one in found}))
    read = partial(client.read_flows, flow_filter=filters.FlowFilter(id=flows))
    names = {flow.id: flow.name for flow in pages(read)} if found else {}
    return {f"{names[one.flow_id]}/{one.name}": one for one in found}


def flow_runs(
    client: SyncPrefectClient,
    deployment_id: UUID,
    states: list[StateType],
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC,
    limit: int = PAGE,
    offset: int = 0,
) -> list[FlowRun]:
    """Return runs of a deployment that are in one of these states."""
    wanted = filters.FlowRunFilter(
        deployment_id=filters.FlowRunFilterDeploymentId(any_=[deployment_id]),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=states)),
    )
    return client.read_flow_runs(flow_run_filter=wanted, sort=sort, limit=limit, offset=offset)


def unended_runs(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """Return all runs of a deployment that have not ended."""
    return list(pages(partial(flow_runs, client, deployment_id, _NOT_ENDED, FlowRunSort.ID_DESC)))


def log_records(
    client: SyncPrefectClient, run_ids: Sequence[UUID], containing: str | None = None
) -> Iterator[Log]:
    """Yield the log records of some runs, those with a text alone where given, the oldest first."""
    text = filters.LogFilterTextSearch(query=f'"{containing}"') if containing else None
    runs = filters.LogFilterFlowRunId(any_=list(run_ids))
    wanted = filters.LogFilter(flow_run_id=runs, text=text)
    return pages(partial(client.read_logs, wanted, sort=LogSort.TIMESTAMP_ASC))
