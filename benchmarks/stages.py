"""Where a run's time went, from the history of its states on the server."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient

STAGES = ("until the worker takes it", "until its process runs the flow", "the flow itself")


def read_stages(client: SyncPrefectClient, flow_run_id: UUID) -> dict[str, float]:
    """Return the seconds of each stage of a completed run.

    Raises:
        RuntimeError: The run did not complete, or was retried.
    """
    states = client.request("GET", "/flow_run_states/", params={"flow_run_id": str(flow_run_id)}).json()
    moments = {state["type"]: _seconds(state["timestamp"]) for state in states}
    names = ("SCHEDULED", "PENDING", "RUNNING", "COMPLETED")
    if sorted(moments) != sorted(names):
        said = (
            f"{state['name']} ({state['message']})" if state["message"] else state["name"] for state in states
        )
        raise RuntimeError(f"states of the run: {', '.join(said)}")
    return {
        stage: moments[after] - moments[before]
        for stage, before, after in zip(STAGES, names[:-1], names[1:], strict=True)
    }


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
