"""What an installation asks Prefect: which server is configured, and whether it has the pool."""

from __future__ import annotations

from typing import Any

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    temporary_settings,
)

from flow_ops.deploy import server
from flow_ops.messages import FlowOpsError
from flow_ops.worker.plan import Service


def check_pool(service: Service, credentials: dict[str, str]) -> None:
    """Check that the server answers and has the pool, of type process: Prefect's worker would create a typo.

    Raises:
        FlowOpsError: FT-SERVICE-05 or -06; as `server.connect` where the server does not answer.
    """
    settings: dict[Any, Any] = {PREFECT_API_URL: service.api_url}
    for one in (PREFECT_API_KEY, PREFECT_API_AUTH_STRING, PREFECT_API_SSL_CERT_FILE):
        if given := credentials.get(one.name):
            settings[one] = given
    with temporary_settings(settings), server.connect() as client:
        pools = {pool.name: pool.type for pool in server.pages(client.read_work_pools)}
    if service.pool not in pools:
        raise FlowOpsError(
            "FT-SERVICE-05", pool=service.pool, url=service.api_url, pools=", ".join(sorted(pools)) or "-"
        )
    if pools[service.pool] != "process":
        raise FlowOpsError("FT-SERVICE-06", pool=service.pool, type=pools[service.pool])
