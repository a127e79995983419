"""The watchdog: Prefect automations, one set per deployment, that end its stuck and late runs.

| rule       | a run that                                                | ends as   |
|------------|-----------------------------------------------------------|-----------|
| running    | is Running for longer than `Limits.running`               | Cancelled |
| late       | nobody started within `Limits.late` of its time           | Cancelled |
| pending    | was taken by a worker, which then never started it        | Cancelled |
| heartbeat  | sends no more heartbeats: its process or machine is gone  | Crashed   |
| failure    | failed or crashed, by whatever hand: sends a notification | as it was |

A rule sees what happens from its creation on, while the server is up: another stuck run is cancelled by hand. What no
rule can see is for `sweep.py`. A run that stays in Cancelling, its worker being gone, is ended by Prefect's server itself,
after 300 s (PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import (
    ActionTypes,
    CallWebhook,
    CancelFlowRun,
    ChangeFlowRunState,
    SendNotification,
)
from prefect.events.filters import AutomationFilter, AutomationFilterName
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from pydantic import Field

from flow_ops.messages import FlowOpsError, text

# Prefect refuses less in a proactive trigger.
_Limit = Annotated[timedelta, Field(ge=timedelta(seconds=10))]
# Prefect sends a heartbeat every 30 s at the most often: one may be lost, or late, without harm.
_HeartbeatLimit = Annotated[timedelta, Field(ge=timedelta(seconds=60))]

_ENDED_OR_PARKED = (
    *("Completed", "Failed", "Crashed", "Cancelled", "TimedOut", "Cached", "RolledBack"),
    *("Cancelling", "Paused", "Suspended", "AwaitingRetry", "Scheduled"),
)


@dataclass(frozen=True)
class Limits:
    """How long a run may be in a state before the watchdog ends it.

    After its own restart Prefect holds back, for 15 minutes, the events of a run that changed its state shortly
    before: keep the first three longer than that. The last one ends nothing that has ended already.

    Attributes:
        running: In Running, each attempt by itself. Longer than the flow's own timeout, which ends it kindly.
        late: Waiting to be started, from the moment that Prefect calls it late (15 s past its time) or
            that it waits for a concurrency slot.
        pending: Between the worker's taking it and its first line: cloning, installing, starting.
        heartbeat: Without a heartbeat, of which there is one every 30 s. More than the server's longest
            restart and more than any difference between the clocks of worker and server: a live run
            whose heartbeats do not arrive is taken for dead.
    """

    running: _Limit = timedelta(hours=2)
    late: _Limit = timedelta(hours=4)
    pending: _Limit = timedelta(minutes=30)
    heartbeat: _HeartbeatLimit = timedelta(minutes=5)


@dataclass(frozen=True)
class Notification:
    """Where to send word of failures, crashes and cancellations by the watchdog.

    Attributes:
        block: A block on the server as `<type>/<name>`: `webhook/operations`, `custom-webhook/operations`,
            `slack-webhook/operations`, `ms-teams-webhook/operations` or, for e-mail,
            `sendgrid-email/operations`.
            Its address and password stay in the block.
    """

    block: str


@dataclass(frozen=True)
class Channel:
    """A notification block found on the server."""

    type: str
    id: UUID

    def action(self, subject: str) -> ActionTypes:
        """Return the action that sends `subject` with the run's name and its link.

        The link needs PREFECT_UI_URL in the server's settings; without it there is the run's id. The
        state's message stays on the server: an exception's text may hold anything.
        """
        body = "{{ flow_run.name }}\n{{ flow_run | ui_url or flow_run.id }}"
        if self.type == "webhook":
            # Through the filter, so that quotes in a run's name stay valid JSON.
            payload = f'{{"text": {{{{ ("{subject}. " ~ flow_run.name) | tojson }}}}}}'
            return CallWebhook(block_document_id=self.id, payload=payload)
        return SendNotification(block_document_id=self.id, subject=subject, body=body)


def check_timeout(limits: Limits, timeout_seconds: float | None) -> Iterator[FlowOpsError]:
    """Yield FT-WATCHDOG-02 where a flow has no timeout, or one that is not shorter than the watchdog's limit.

    The flow's timeout lets tasks clean up and says TimedOut; the watchdog only kills.
    """
    if timeout_seconds is None or timedelta(seconds=timeout_seconds) >= limits.running:
        timeout = text("watchdog.no-timeout") if timeout_seconds is None else f"{timeout_seconds:g} s"
        yield FlowOpsError("FT-WATCHDOG-02", timeout=timeout, limit=limits.running)


def find_channel(client: SyncPrefectClient, notification: Notification | None) -> Channel | None:
    """Return the notification's block on the server, or None where none is asked for.

    Raises:
        FlowOpsError: FT-WATCHDOG-03 for a name that is not `<type>/<name>`, FT-WATCHDOG-04 where the block
            does not exist, FT-WATCHDOG-05 where it cannot notify.
    """
    if notification is None:
        return None
    kind, _, name = notification.block.partition("/")
    if not kind or not name or "/" in name:
        raise FlowOpsError("FT-WATCHDOG-03", block=notification.block)
    try:
        document = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise FlowOpsError(
            "FT-WATCHDOG-04", block=notification.block, type=kind, name=name, server=client.api_url
        ) from None
    schema = document.block_schema
    if kind != "webhook" and "notify" not in (schema.capabilities if schema else ()):
        raise FlowOpsError("FT-WATCHDOG-05", block=notification.block)
    return Channel(type=kind, id=document.id)


def expected(
    deployment_id: UUID, deployment: str, limits: Limits, channel: Channel | None = None
) -> list[AutomationCore]:
    """Return the automations that `deployment` (as "flow/deployment") should have, as the table says."""
    return [
        _automation(rule, getattr(limits, rule, None), deployment_id, deployment, channel)
        for rule in RULES
        if channel or rule != "failure"
    ]


def differences(
    client: SyncPrefectClient,
    deployment_id: UUID | None,
    deployment: str,
    limits: Limits,
    notification: Notification | None = None,
) -> list[str]:
    """Return what `apply` would change on the server, one line each; nothing where all is as declared.

    `deployment_id` is None for a deployment that does not exist yet.

    Raises:
        FlowOpsError: as `find_channel`, and FT-WATCHDOG-06 where the server has no automations.
    """
    channel = find_channel(client, notification)
    wanted = expected(deployment_id or _NOT_YET, deployment, limits, channel)
    return [line for change in _changes(client, deployment, wanted) for line in change.lines]


def apply(
    client: SyncPrefectClient,
    deployment_id: UUID,
    deployment: str,
    limits: Limits,
    notification: Notification | None = None,
) -> list[str]:
    """Make the server's automations of `deployment` those expected, in place; return what was changed.

    An automation that is right is not touched: a rewritten one forgets the runs that it was watching.
    """
    channel = find_channel(client, notification)
    wanted = expected(deployment_id, deployment, limits, channel)
    changes = _changes(client, deployment, wanted)
    for change in changes:
        if change.wanted and change.found:
            client.update_automation(change.found[0].id, change.wanted)
        elif change.wanted:
            client.create_automation(change.wanted)
        _delete(client, change.found[1:] if change.wanted else change.found)
    if any(change.wanted and not change.found for change in changes):
        # Prefect's client sends a request again whose answer was lost: an automation may have been created twice.
        for change in _changes(client, deployment, wanted):
            _delete(client, change.found[1:])
    return [line for change in changes for line in change.lines]


def has_any(client: SyncPrefectClient, deployment: str) -> bool:
    """Return whether the server has an automation of `deployment` (as "flow/deployment")."""
    return bool(_changes(client, deployment, []))


def remove(client: SyncPrefectClient, deployment: str) -> list[str]:
    """Delete every automation of `deployment` (as "flow/deployment"); return what was deleted.

    Raises:
        FlowOpsError: FT-WATCHDOG-06 where the server has no automations.
    """
    changes = _changes(client, deployment, [])
    for change in changes:
        _delete(client, change.found)
    return [line for change in changes for line in change.lines]


def unwatched(
    client: SyncPrefectClient, deployment_id: UUID, deployment: str, notification: Notification | None = None
) -> list[str]:
    """Return the rules that the server does not have of `deployment` (as "flow/deployment"), as `missing`."""
    automations = _read(client, [_name(deployment, rule) for rule in RULES])
    return missing(automations, {deployment: deployment_id}, notified=notification is not None)[deployment]


def missing(
    automations: Iterable[Automation], deployments: Mapping[str, UUID], *, notified: bool = False
) -> dict[str, list[str]]:
    """Return, for each of these deployments, by "flow/deployment", the rules that do not watch over it.

    The rule `failure` is for those who want to be notified, and looked for where they are. One that is switched off,
    or is of a deployment with the same name that was deleted since, watches over nothing.
    """
    wanted = [rule for rule in RULES if notified or rule != "failure"]
    triggers: defaultdict[str, str] = defaultdict(str)
    for automation in automations:
        if automation.enabled:
            triggers[automation.name] += automation.trigger.model_dump_json()
    return {
        name: [rule for rule in wanted if str(id_) not in triggers[_name(name, rule)]]
        for name, id_ in deployments.items()
    }


@dataclass(frozen=True)
class _Rule:
    """What acts where its limit passes after one of the states `after` without one of `expect`; without a limit, at once.

    Without `expect`, any change of state will do: states have names of the user's own, too. Only events
    that carry a state, of these types, are looked at then, which leaves heartbeats out.
    """

    after: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    types: tuple[str, ...] = ("*",)
    action: ActionTypes | None = None


# By their names, which are those of the limits.
RULES = {
    "running": _Rule(after=("Running", "Retrying"), action=CancelFlowRun()),
    # Waiting for a slot again and again is no progress: neither event is an expected one.
    "late": _Rule(
        after=("Late", "AwaitingConcurrencySlot"),
        expect=("Pending", "Running", *_ENDED_OR_PARKED),
        action=CancelFlowRun(),
    ),
    "pending": _Rule(after=("Pending", "Submitting", "InfrastructurePending"), action=CancelFlowRun()),
    # Heartbeats are events without a state, and the first comes after Running: only an end counts.
    "heartbeat": _Rule(
        after=("heartbeat",),
        expect=("heartbeat", *_ENDED_OR_PARKED),
        action=ChangeFlowRunState(
            state=StateType.CRASHED,
            name="Crashed",
            message="flow_ops watchdog: no more heartbeats",
            force=False,
        ),
    ),
    "failure": _Rule(types=("FAILED", "CRASHED")),
}
# Of earlier releases, and removed where it is found: the server does now what this did.
_RETIRED = ("cancelling",)


def _automation(
    name: str, limit: timedelta | None, deployment_id: UUID, deployment: str, channel: Channel | None
) -> AutomationCore:
    rule, description = RULES[name], text(f"watchdog.{name}", limit=limit)
    match: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.flow-run.*"}
    if not rule.expect:
        match["prefect.state-type"] = list(rule.types)
    actions: list[Any] = [rule.action] if rule.action else []
    # The heartbeat rule makes the run Crashed, of which the failure rule speaks.
    if channel and name != "heartbeat":
        actions.append(channel.action(f"{deployment}: {description}"))
    # Without an owner: every redeploy deletes the automations that a deployment owns.
    automation = AutomationCore(
        name=_name(deployment, name),
        description=description,
        trigger=EventTrigger(
            match=ResourceSpecification(match),
            match_related=ResourceSpecification(
                {
                    "prefect.resource.id": f"prefect.deployment.{deployment_id}",
                    "prefect.resource.role": "deployment",
                }
            ),
            after={f"prefect.flow-run.{state}" for state in rule.after},
            expect={f"prefect.flow-run.{state}" for state in rule.expect or ("*",)},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive if limit else Posture.Reactive,
            within=limit or timedelta(0),
        ),
        actions=actions,
    )
    # Prefect's update sends what was set and leaves the rest as it is on the server: now all of it is set, with
    # Prefect's defaults, but for the owner, which an update may not name.
    return AutomationCore.model_validate(automation.model_dump(exclude={"owner_resource"}))


def _name(deployment: str, rule: str) -> str:
    return f"{deployment} watchdog: {rule}"


# Stands for the id of a deployment that does not exist yet, which no automation can name.
_NOT_YET = UUID(int=0)


@dataclass(frozen=True)
class _Change:
    wanted: AutomationCore | None
    found: list[Automation]
    lines: list[str]


def _changes(client: SyncPrefectClient, deployment: str, wanted: list[AutomationCore]) -> list[_Change]:
    names = [_name(deployment, rule) for rule in (*RULES, *_RETIRED)]
    on_server = _read(client, names)
    by_name = {automation.name: automation for automation in wanted}
    changes = []
    for name in names:
        found = [automation for automation in on_server if automation.name == name]
        if lines := list(_lines(name, by_name.get(name), found)):
            changes.append(_Change(wanted=by_name.get(name), found=found, lines=lines))
    return changes


def _delete(client: SyncPrefectClient, automations: list[Automation]) -> None:
    for automation in automations:
        try:
            client.delete_automation(automation.id)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 404:  # Gone is gone, whoever did it.
                raise


def _read(client: SyncPrefectClient, names: list[str]) -> list[Automation]:
    try:
        return client.read_automations(automations=AutomationFilter(name=AutomationFilterName(any_=names)))
    except PrefectHTTPStatusError as error:
        if error.response.status_code in (403, 404, 405):
            raise FlowOpsError(
                "FT-WATCHDOG-06", server=client.api_url, status=error.response.status_code
            ) from None
        raise


def _lines(name: str, wanted: AutomationCore | None, found: list[Automation]) -> Iterator[str]:
    if wanted is None:
        yield from (f"- {name}" for _ in found)
    elif not found:
        yield f"+ {name} ({wanted.description})"
    else:
        theirs, ours = _flat(found[0]), _flat(wanted)
        for field in sorted({*theirs, *ours}):
            if theirs.get(field) != ours.get(field):
                yield f"~ {name}: {field}: {theirs.get(field, '-')} -> {ours.get(field, '-')}"
        yield from (f"- {name} ({text('watchdog.duplicate')})" for _ in found[1:])


def _flat(automation: AutomationCore) -> dict[str, str]:
    """Return what an automation does as `{"trigger.within": "2:00:00", ...}`, in an order of its own.

    Without its description: rewritten for a word of that, it would forget the runs that it watches.
    """
    said = automation.model_dump(include=set(AutomationCore.model_fields) - {"owner_resource", "description"})
    return dict(_walk("", said))


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for position, item in enumerate(value, 1):
            yield from _walk(f"{path}.{position}", item)
    elif isinstance(value, (set, list)):
        yield path, ", ".join(sorted(map(str, value)))
    else:
        yield path, str(getattr(value, "value", value))
