"""What an installation asks Prefect: which server is configured, and whether it has the pool."""

from __future__ import annotations

from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
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
    settings: dict[Any, Any] = {PREFECT_API_URL: service.api_url, PREFECT_CLIENT_MAX_RETRIES: 0}
    for one in (PREFECT_API_KEY, PREFECT_API_AUTH_STRING, PREFECT_API_SSL_CERT_FILE):
        if given := credentials.get(one.name):
            settings[one] = given
    try:
        with (
            temporary_settings(settings),
            get_client(sync_client=True, httpx_settings={"timeout": API_SECONDS}) as client,
        ):
            pools = {pool.name: pool.type for pool in client.read_work_pools()}
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
