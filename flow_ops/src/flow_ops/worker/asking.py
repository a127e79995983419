"""What an installation asks Prefect: which server is configured, and whether it has the pool."""

from __future__ import annotations

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import WorkPoolFilter
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_CLIENT_MAX_RETRIES,
    get_current_settings,
    temporary_settings,
)

from flow_ops.messages import FlowOpsError
from flow_ops.worker.plan import Service

API_SECONDS = 10


def check_pool(service: Service, credentials: dict[str, str]) -> None:
    """Check that the server answers and has the pool, of type process: Prefect's worker would create a typo.

    Raises:
        FlowOpsError: FT-SERVICE-04, -05 or -06.
    """
    settings = get_current_settings().api
    key = credentials.get("PREFECT_API_KEY") or (settings.key.get_secret_value() if settings.key else None)
    own = settings.auth_string.get_secret_value() if settings.auth_string else None
    authority = credentials.get("PREFECT_API_SSL_CERT_FILE") or settings.ssl_cert_file
    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_SSL_CERT_FILE: authority}),
            SyncPrefectClient(
                service.api_url,
                api_key=key,
                auth_string=credentials.get("PREFECT_API_AUTH_STRING") or own,
                httpx_settings={"timeout": API_SECONDS},
            ) as client,
        ):
            pools = {
                pool.name: pool.type for pool in client.read_work_pools(work_pool_filter=WorkPoolFilter())
            }
    except (httpx.HTTPError, OSError, ValueError) as problem:
        raise FlowOpsError(
            "FT-SERVICE-04",
            url=service.api_url,
            problem=(str(problem) or type(problem).__name__).splitlines()[0],
        ) from None
    if service.pool not in pools:
        raise FlowOpsError(
            "FT-SERVICE-05", pool=service.pool, url=service.api_url, pools=", ".join(sorted(pools)) or "-"
        )
    if pools[service.pool] != "process":
        raise FlowOpsError("FT-SERVICE-06", pool=service.pool, type=pools[service.pool])
