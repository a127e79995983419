"""A flow on the command line: its parameters as options, its outcome as the exit status."""

from __future__ import annotations

import asyncio
import inspect
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import httpx
from prefect import Flow, State
from prefect.settings import (
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    PREFECT_UI_URL,
    get_current_settings,
    temporary_settings,
)

from flow_ops import arguments, flow_parameters, logs, task_runners, ui
from flow_ops.deploy import server
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text

__all__ = ["run_flow"]


def run_flow(flow: Flow[..., Any], tokens: Sequence[str] | None = None) -> int:
    """Run `flow` with the options of the command line, here, in this process.

    The server is the one of `PREFECT_API_URL` or, without it, a temporary one that Prefect starts.

    Returns:
        0 if the run completed, 1 if it did not or could not start; the message is then on stderr. 130 for Ctrl-C.
    """
    return arguments.execute(flow_parameters.command_line(flow, lambda given: _run(flow, given)), tokens)


def _run(flow: Flow[..., Any], parameters: dict[str, Any]) -> int:
    _check_places()
    # The temporary server's telemetry competes with the first run for its new database, and says so
    # with a traceback of a hundred lines.
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    with temporary_settings(
        # Prefect shows the run's page, and knows of the interface that a server opens only what this says.
        {PREFECT_UI_URL: ui.address()},
        # A busy machine starts the temporary server in more than the 20 s that Prefect waits by default.
        set_defaults={PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 120},
    ):
        try:
            outcome: Any = flow(**parameters, return_state=True)
            state: State[Any] = asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome
        except httpx.TransportError as error:  # The engine's own: what a flow raises is in its state.
            url = without_credentials(get_current_settings().api.url or "-")
            raise FlowOpsError("FT-RUN-04", url=url, reason=str(error) or type(error).__name__) from None
        except RuntimeError as error:
            if "connect to ephemeral Prefect API server" not in str(error):
                raise
            raise FlowOpsError("FT-RUN-07") from None
    if not state.is_completed():
        problem = asyncio.run(state.aresult(raise_on_failure=False)) if state.is_failed() else None
        if isinstance(problem, FlowOpsError):
            raise problem
        # The rest of it is above, and what is masked there would be told here.
        reason = logs.mask((state.message or "-").partition("\n")[0])
        raise FlowOpsError("FT-RUN-01", state=state.name, reason=reason, again=text("run.again"))
    print(asyncio.run(state.aresult()))
    return 0


def _check_places() -> None:
    """Refuse now what Prefect and the engines answer with retries for minutes, or with a traceback.

    Raises:
        FlowOpsError: FT-SERVER-02 to FT-SERVER-08 for the server, FT-RUN-05 for the temporary one's folder,
            FT-RUNNER-01 to FT-RUNNER-04 for the task runner.
    """
    settings = get_current_settings()
    if settings.api.url:
        with server.connect():
            pass
    else:
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=settings.home).close()
        except OSError as error:
            raise FlowOpsError("FT-RUN-05", folder=settings.home, problem=error) from None
    task_runners.ready()
