"""Runs of a deployment: started and followed to their end, or cleared away when the deployment is retired."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.utilities.schema_tools.validation import validate

from flow_ops import flow_parameters, watchdog
from flow_ops.deploy import report, server
from flow_ops.deploy.targets import Target
from flow_ops.messages import text

# Seconds between two looks at a run.
_EVERY = 1.0
# Seconds. The last records of a run reach the server up to two after its end.
_LOG_DELAY = 2.0
# And after an outage, how often they are looked for: Prefect tries to send them again after longer and longer.
_LOG_LOOKS_AFTER_OUTAGE = 30
# How often to look for an event of a run that has ended: the server stores them a while later.
_EVENT_LOOKS = 10
# Seconds in which a pass of Prefect's scheduler that had begun before a pause has ended.
_SCHEDULER_PASS = 2.0
# Answers missing one after another before a person is told.
_FAILURES_TOLD_OF = 2


def start(
    client: SyncPrefectClient, target: Target, deployment: DeploymentResponse, parameters: dict[str, Any]
) -> FlowRun:
    """Create a run now, with `parameters` over the deployment's own.

    Raises:
        FlowOpsError: as `flow_parameters.as_sent`; FT-PARAM-02 where they do not suit the schema that the server has.
    """
    flow = target.loaded.flow
    sent = flow_parameters.as_sent(flow, parameters)
    schema = deployment.parameter_openapi_schema or {}
    for error in validate({**deployment.parameters, **sent}, schema):
        raise flow_parameters.refused(flow, sent, error.json_path, error.message)
    # Where the answer is lost on its way, Prefect's client sends the request again: with a key of its own, the server
    # gives the run that it made the first time.
    return client.create_flow_run_from_deployment(deployment.id, parameters=sent, idempotency_key=uuid4().hex)


def follow(client: SyncPrefectClient, run_id: UUID, taken: Callable[[], None]) -> State:
    """Report a run's states and log records, its subflows' too, as they come; return the state that it ends in.

    A server that does not answer is asked again until it does: the run goes on without it. `taken` is called when a
    worker has taken the run, before that is reported.
    """
    following, failures = _Following(client, run_id, taken), 0
    while True:
        try:
            # Without Prefect's own retries, of which nothing would be seen for a minute.
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                state = client.read_flow_run(run_id).state
                # Before what was missed: that may already be the run's end.
                if failures >= _FAILURES_TOLD_OF:
                    report.answers_again()
                    failures = 0
                if state:
                    following.show(state)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if isinstance(error, PrefectHTTPStatusError) and not error.response.is_server_error:
                raise
            failures += 1
            # A server on SQLite refuses a request now and then, and takes the next.
            if failures == _FAILURES_TOLD_OF:
                report.no_answer()
                following.more_looks = _LOG_LOOKS_AFTER_OUTAGE
        else:
            failures = 0
            if state and state.is_final():
                return state
        time.sleep(_EVERY)


class _Following:
    """What was shown of a run so far."""

    def __init__(self, client: SyncPrefectClient, run_id: UUID, taken: Callable[[], None]) -> None:
        self._client, self._run_id, self._taken = client, run_id, taken
        self._last_state: UUID | None = None
        self._seen = set[UUID]()
        self._tasks = dict[UUID, str]()
        self._all_shown = False
        self.more_looks = 0

    def show(self, state: State) -> None:
        """Show what is new, up to `state`, the one that the run has now."""
        if not state.is_scheduled():
            self._taken()
        if state.is_final():
            time.sleep(_LOG_DELAY)
        else:
            self._show_state(state)
        self._show_records()
        if state.is_final():
            self._show_state(state)
            if state.is_completed() or state.is_failed():  # A run that was killed has no last line.
                self._show_late_records()

    def _show_state(self, state: State) -> None:
        if state.id != self._last_state:
            report.run_state(state)
            self._last_state = state.id

    def _show_late_records(self) -> None:
        with report.waiting(text("run.late-records")):
            while self.more_looks and not self._all_shown:
                self.more_looks -= 1
                time.sleep(_EVERY)
                self._show_records()

    def _show_records(self) -> None:
        flows = _subflows(self._client, self._run_id)
        # They are sent in batches, so that older ones come after newer ones.
        records = server.log_records(self._client, [self._run_id, *flows])
        new = [record for record in records if record.id not in self._seen]
        tasks = {record.task_run_id for record in new if record.task_run_id}
        self._tasks |= _task_names(self._client, tasks - self._tasks.keys())
        for record in new:
            self._seen.add(record.id)
            task = self._tasks.get(record.task_run_id or self._run_id)
            report.log_record(record, task or flows.get(record.flow_run_id or self._run_id, ""))
            ours = record.flow_run_id == self._run_id and record.name == "prefect.flow_runs"
            self._all_shown |= ours and record.message.startswith("Finished in state")


def missing_module(client: SyncPrefectClient, run_id: UUID) -> str | None:
    """Return the module that the worker's Python did not have when it loaded the flow, from the run's log.

    Without `uv` a worker runs the flow in its own environment, and says nothing of it.
    """
    for record in server.log_records(client, [run_id]):
        if found := re.search(r"^ModuleNotFoundError: No module named '(\w+)'", record.message, re.MULTILINE):
            return found[1]
    return None


def failed_step(client: SyncPrefectClient, run_id: UUID) -> str | None:
    """Return the `id` of the step in which a run ended before its flow was reached, from the event that the UI shows."""
    wanted = {
        "event": {"name": ["prefect.flow-run.pull-step.failed"]},
        "resource": {"id": [f"prefect.flow-run.{run_id}"]},
    }
    for _ in range(_EVENT_LOOKS):
        found = client.request("POST", "/events/filter", json={"filter": wanted}).json()["events"]
        if found:
            return str(found[0]["payload"].get("id"))
        time.sleep(_EVERY)
    return None


def _subflows(client: SyncPrefectClient, run_id: UUID) -> dict[UUID, str]:
    """Return the names of the runs that a run called, and those that they called: each has log records of its own."""
    found = dict[UUID, str]()
    parents = [run_id]
    while parents:
        called = filters.FlowRunFilter(parent_flow_run_id=filters.FlowRunFilterParentFlowRunId(any_=parents))
        read = partial(client.read_flow_runs, flow_run_filter=called, sort=FlowRunSort.ID_DESC)
        names = {run.id: run.name for run in server.pages(read)}
        found |= names
        parents = list(names)
    return found


def _task_names(client: SyncPrefectClient, ids: set[UUID]) -> dict[UUID, str]:
    """Return the names of those task runs that the server has: it may learn of one after its first records."""
    if not ids:
        return {}
    wanted = filters.TaskRunFilter(id=filters.TaskRunFilterId(any_=list(ids)))
    read = partial(client.read_task_runs, task_run_filter=wanted, sort=TaskRunSort.ID_DESC)
    return {run.id: run.name for run in server.pages(read)}


def is_coming(run: FlowRun) -> bool:
    """Return whether a run has not begun: one that waits for its next attempt has."""
    return run.state_type == StateType.SCHEDULED and not run.run_count


def retire(client: SyncPrefectClient, deployment: DeploymentResponse | None, full_name: str) -> None:
    """Pause a deployment, delete it with its future runs, and its watchdog; of what is gone already, the rest.

    In this order no run starts in between, and what was done is right wherever it is interrupted: once more does what
    is left. Runs that have started go on to their end, those too that wait for their next attempt.
    """
    if deployment:
        with contextlib.suppress(ObjectNotFound):  # Gone is gone, whoever did it.
            client.pause_deployment(deployment.id)
            # The scheduler may be at work on it at this very moment, and its runs would outlive the deployment.
            time.sleep(_SCHEDULER_PASS)
            # Those with which the server does not delete what is scheduled.
            for run in server.unended_runs(client, deployment.id):
                if is_coming(run) and run.state_name == "AwaitingConcurrencySlot":
                    with contextlib.suppress(ObjectNotFound):
                        client.delete_flow_run(run.id)
            client.delete_deployment(deployment.id)
    watchdog.remove(client, full_name)
