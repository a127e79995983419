"""The watchdog's rules: what is declared, what is told apart, what is refused. No server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger

from flow_ops import watchdog
from flow_ops.deploy.pins import Deployments, FolderSource, checked
from flow_ops.messages import FlowOpsError
from flow_ops.watchdog import Channel, Limits, Notification

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.events.filters import AutomationFilter


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")


DEPLOYMENT = "ventas-diarias/ventas-diarias-prod"
ID = UUID("11111111-1111-1111-1111-111111111111")


class Server:
    """Keeps automations as a server does, and counts the writes."""

    api_url = "http://127.0.0.1:4200/api"

    def __init__(self, *automations: AutomationCore) -> None:
        self.automations = [_stored(automation) for automation in automations]
        self.writes: list[str] = []

    def read_automations(self, *, automations: AutomationFilter) -> list[Automation]:
        assert automations.name
        return [
            automation for automation in self.automations if automation.name in (automations.name.any_ or [])
        ]

    def create_automation(self, automation: AutomationCore) -> None:
        self.writes.append("create")
        self.automations.append(_stored(automation))

    def update_automation(self, automation_id: UUID, automation: AutomationCore) -> None:
        self.writes.append("update")
        # As the server does: what was not set is left as it is.
        sent = automation.model_dump(mode="json", exclude_unset=True)
        assert "owner_resource" not in sent, "the server answers 422"
        self.automations = [
            Automation(**{**old.model_dump(mode="json"), **sent}) if old.id == automation_id else old
            for old in self.automations
        ]

    def delete_automation(self, automation_id: UUID) -> None:
        self.writes.append("delete")
        self.automations = [old for old in self.automations if old.id != automation_id]


def _stored(automation: AutomationCore) -> Automation:
    return Automation(id=uuid4(), **automation.model_dump(mode="json"))


def _trigger(automation: AutomationCore) -> EventTrigger:
    assert isinstance(automation.trigger, EventTrigger)
    return automation.trigger


def _edited(automation: AutomationCore, **changes: object) -> AutomationCore:
    return AutomationCore(**{**automation.model_dump(), **changes})


def test_every_name_carries_the_deployments_full_name_and_is_unique() -> None:
    names = [automation.name for automation in watchdog.expected(ID, DEPLOYMENT, Limits())]
    assert len(set(names)) == len(names) == 4
    assert all(name.startswith(DEPLOYMENT + " ") for name in names)


def test_every_rule_watches_this_deployments_runs_only() -> None:
    for automation in watchdog.expected(ID, DEPLOYMENT, Limits()):
        assert _trigger(automation).model_dump()["match_related"] == {
            "prefect.resource.id": f"prefect.deployment.{ID}",
            "prefect.resource.role": "deployment",
        }


def test_the_limits_are_the_triggers_times() -> None:
    limits = Limits(
        running=timedelta(hours=3),
        late=timedelta(hours=5),
        pending=timedelta(minutes=7),
        heartbeat=timedelta(minutes=9),
    )
    automations = watchdog.expected(ID, DEPLOYMENT, limits)
    assert {a.name.rpartition(" ")[2]: _trigger(a).within for a in automations} == vars(limits)


def test_no_automation_is_owned_by_the_deployment_whose_redeploy_would_delete_it() -> None:
    assert {automation.owner_resource for automation in watchdog.expected(ID, DEPLOYMENT, Limits())} == {None}


def with_limits(**limits: timedelta) -> Deployments:
    return Deployments(flows={}, source=FolderSource("/srv"), timezone="UTC", limits=Limits(**limits))


@pytest.mark.parametrize("limit", ["running", "late", "pending", "heartbeat"])
def test_a_limit_shorter_than_prefect_can_keep_is_refused(limit: str) -> None:
    with pytest.raises(FlowOpsError, match=rf"FT-DEPLOY-10  .*\n.*{limit}=timedelta\(seconds=9\)"):
        checked(with_limits(**{limit: timedelta(seconds=9)}))


def test_a_heartbeat_limit_that_one_lost_heartbeat_would_break_is_refused() -> None:
    with pytest.raises(FlowOpsError, match=r"FT-DEPLOY-10  .*\n.*it takes a timedelta of 1 min or more"):
        checked(with_limits(heartbeat=timedelta(seconds=59)))
    assert checked(with_limits(heartbeat=timedelta(seconds=60), late=timedelta(seconds=10)))


@pytest.mark.parametrize("timeout", [None, 7200, 90000])
def test_a_flow_timeout_that_does_not_come_before_the_watchdog_is_refused(timeout: float | None) -> None:
    (problem,) = watchdog.check_timeout(Limits(), timeout)
    assert problem.code == "FT-WATCHDOG-02"


@pytest.mark.parametrize(("timeout", "told"), [(None, "none"), (7200, "7200 s"), (7200.5, "7200.5 s")])
def test_the_refusal_of_a_flow_without_a_timeout_says_none_and_to_give_one(
    timeout: float | None, told: str
) -> None:
    (problem,) = watchdog.check_timeout(Limits(), timeout)
    assert f"timeout: {told}; the watchdog cancels it after 2 h." in str(problem)
    assert "give @flow a shorter timeout_seconds" in str(problem)


def test_a_flow_timeout_shorter_than_the_limit_is_accepted() -> None:
    assert list(watchdog.check_timeout(Limits(), 3600)) == []


def test_a_new_deployment_shows_each_automation_as_to_be_created() -> None:
    lines = watchdog.differences(cast("Any", Server()), None, DEPLOYMENT, Limits())
    assert len(lines) == 4
    assert all(line.startswith(f"+ {DEPLOYMENT} watchdog: ") for line in lines)


def test_apply_creates_the_set_and_a_second_time_writes_nothing() -> None:
    server: Any = Server()
    assert len(watchdog.apply(server, ID, DEPLOYMENT, Limits())) == 4
    server.writes.clear()
    assert watchdog.differences(server, ID, DEPLOYMENT, Limits()) == []
    assert watchdog.apply(server, ID, DEPLOYMENT, Limits()) == []
    assert server.writes == []


def test_a_changed_limit_updates_that_automation_in_place_and_touches_no_other() -> None:
    server: Any = Server()
    watchdog.apply(server, ID, DEPLOYMENT, Limits())
    before = {automation.name: automation.id for automation in server.automations}
    server.writes.clear()
    lines = watchdog.apply(server, ID, DEPLOYMENT, Limits(running=timedelta(hours=1)))
    assert f"~ {DEPLOYMENT} watchdog: running: trigger.within: 2:00:00 -> 1:00:00" in lines
    assert server.writes == ["update"]
    assert {automation.name: automation.id for automation in server.automations} == before


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda a: _edited(a, enabled=False), "enabled: False -> True"),
        (
            lambda a: _edited(a, actions=[{"type": "do-nothing"}]),
            "actions.1.type: do-nothing -> cancel-flow-run",
        ),
        (
            lambda a: _edited(a, trigger={**a.trigger.model_dump(), "within": 60}),
            "trigger.within: 0:01:00 -> 2:00:00",
        ),
        (
            lambda a: _edited(a, trigger={**a.trigger.model_dump(), "after": {"prefect.flow-run.Running"}}),
            "trigger.after: prefect.flow-run.Running -> prefect.flow-run.Retrying, prefect.flow-run.Running",
        ),
        (lambda a: _edited(a, tags=["mine"]), "tags: mine -> "),
        (
            lambda a: _edited(a, actions_on_trigger=[{"type": "cancel-flow-run"}]),
            "actions_on_trigger.1.type: cancel-flow-run -> -",
        ),
    ],
    ids=["switched-off", "other-action", "other-time", "other-event", "tag", "further-action"],
)
def test_an_edit_by_hand_is_one_difference_in_words_and_apply_mends_it(
    edit: Callable[[AutomationCore], AutomationCore], line: str
) -> None:
    running, *others = watchdog.expected(ID, DEPLOYMENT, Limits())
    server: Any = Server(edit(running), *others)
    expected = f"~ {running.name}: {line}"
    assert expected in watchdog.differences(server, ID, DEPLOYMENT, Limits())
    watchdog.apply(server, ID, DEPLOYMENT, Limits())
    assert watchdog.differences(server, ID, DEPLOYMENT, Limits()) == []


def test_other_words_in_a_description_do_not_rewrite_a_rule() -> None:
    running, *others = watchdog.expected(ID, DEPLOYMENT, Limits())
    server: Any = Server(_edited(running, description="over 2:00:00 in Running: cancelled"), *others)
    assert watchdog.apply(server, ID, DEPLOYMENT, Limits()) == []
    assert server.writes == []


def test_a_copy_made_in_the_ui_is_a_difference_and_apply_deletes_it() -> None:
    running, *others = watchdog.expected(ID, DEPLOYMENT, Limits())
    server: Any = Server(running, running, *others)
    assert watchdog.apply(server, ID, DEPLOYMENT, Limits()) == [f"- {running.name} (duplicate)"]
    assert len(server.automations) == 4


def test_a_notification_no_longer_declared_is_taken_out() -> None:
    server: Any = Server(*watchdog.expected(ID, DEPLOYMENT, Limits(), Channel("slack-webhook", uuid4())))
    lines = watchdog.apply(server, ID, DEPLOYMENT, Limits())
    assert f"- {DEPLOYMENT} watchdog: failure" in lines
    assert watchdog.differences(server, ID, DEPLOYMENT, Limits()) == []


def test_the_rule_that_notifies_is_missed_only_where_a_notification_is_declared() -> None:
    server = cast("Any", Server(*watchdog.expected(ID, DEPLOYMENT, Limits())))
    assert watchdog.unwatched(server, ID, DEPLOYMENT) == []
    assert watchdog.unwatched(server, ID, DEPLOYMENT, Notification("webhook/operations")) == ["failure"]


def test_remove_deletes_this_deployments_automations_and_no_others() -> None:
    other = "ventas-diarias/ventas-diarias-dev"
    server: Any = Server(
        *watchdog.expected(ID, DEPLOYMENT, Limits()), *watchdog.expected(uuid4(), other, Limits())
    )
    assert len(watchdog.remove(server, DEPLOYMENT)) == 4
    assert {automation.name.split()[0] for automation in server.automations} == {other}
    assert watchdog.remove(server, DEPLOYMENT) == []


def test_the_description_is_in_the_repositorys_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "es")
    assert watchdog.expected(ID, DEPLOYMENT, Limits())[0].description == "más de 2 h en ejecución: se cancela"
    monkeypatch.setenv("FLOW_LANGUAGE", "en")
    assert watchdog.expected(ID, DEPLOYMENT, Limits())[0].description == "running for over 2 h: cancelled"
