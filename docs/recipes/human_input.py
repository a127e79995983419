"""A run that asks a person and waits for the answer. It works on a worker, where `input()` hangs forever.

    uv run docs/recipes/human_input.py                     # waits; its log has the run's address in the UI
    uv run docs/recipes/human_input.py approve RUN_ID      # what another program does; a person uses the form there

While it waits the run is Paused. Nobody answering within `timeout` fails it. For waits of hours use
`suspend_flow_run`, which ends the process and starts the flow again from the top when the answer comes.

Prints:

    paying 1500 as ana says: checked with the supplier
"""

import sys
from uuid import UUID

from prefect import flow, get_client, pause_flow_run
from prefect.input import RunInput


class Approval(RunInput):
    """The form that the UI shows, and what the answer is checked against."""

    approved: bool
    by: str
    reason: str = ""


@flow
def pay(amount: int) -> str:
    """Pay once somebody has approved it."""
    answer = pause_flow_run(wait_for_input=Approval, timeout=3600, poll_interval=1)
    if not answer.approved:
        return f"not paying {amount}: {answer.reason}"
    return f"paying {amount} as {answer.by} says: {answer.reason}"


def approve(run_id: UUID, answer: Approval) -> None:
    """Answer a paused run through the API."""
    with get_client(sync_client=True) as client:
        client.resume_flow_run(run_id, run_input=answer.model_dump())


if __name__ == "__main__":
    if sys.argv[1:2] == ["approve"]:
        approve(UUID(sys.argv[2]), Approval(approved=True, by="ana", reason="checked with the supplier"))
    else:
        print(pay(1500))
