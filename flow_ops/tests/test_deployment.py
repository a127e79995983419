"""What `deploy.py` guarantees, seen on a real server: it and the file agree, and nothing else changes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.flows import Flow
from prefect.runner.storage import GitRepository
from prefect.schedules import Cron
from prefect.states import Pending, Running, Scheduled, Suspended

from flow_ops import shell
from flow_ops.deploy import checks, cli, entrypoints, planning, schedules, server, source, state
from flow_ops.deployment import Deployments, Environment, FolderSource, GitSource
from helpers.repositories import SCHEDULE, TIMEZONE
from helpers.support import prefect_server, wait_until
from helpers.workshop import (
    FLOW,
    FULL_NAME,
    PACKAGE,
    SLUG,
    Workshop,
    apply,
    ask,
    clear,
    deploy,
    git,
    on_server,
    pointing_at,
    proxy,
    snapshot,
    with_prod,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

QUICK = f"src/{PACKAGE}/quick.py:quick"
ANOTHER = "0 6 * * 1"


@pytest.fixture(autouse=True)
def _nothing_deployed(workshop: Workshop) -> Iterator[None]:
    """Each test begins and ends with a server that has no deployments."""
    yield
    clear(workshop.client)


def timings(workshop: Workshop) -> dict[str, bool]:
    """Return the cron expressions on the server and whether each is active."""
    found: Any = on_server(workshop).schedules
    return {one.schedule.cron: one.active for one in found}


def documents(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


# --- plan and apply


def test_a_plan_writes_nothing_and_says_that_something_would_change(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    # The server is the session's: another file may have deployed there before.
    deploy(workshop.pins, "retire", "prod", "--yes")
    capsys.readouterr()
    before = snapshot(workshop.client)
    assert deploy(workshop.pins, "plan", "prod") == 2
    told = capsys.readouterr().out
    assert f"{FULL_NAME}  nuevo" in told
    assert "pool        pool-prod, 0 workers en línea" in told
    assert "30 1,13,17 * * *  todos los días a las 01:30, 13:30 y 17:30" in told
    assert told.splitlines()[-1] == "1 para crear, 0 para cambiar, 0 sin cambios; no se escribió nada."
    assert snapshot(workshop.client) == before


def test_what_is_applied_is_what_the_file_says(workshop: Workshop) -> None:
    apply(
        with_prod(
            workshop.pins, parameters={"since": date(2026, 1, 1)}, env={"REGION": "sur"}, tags=("ventas",)
        )
    )
    found: Any = on_server(workshop)
    assert found.work_pool_name == "pool-prod"
    assert found.entrypoint == FLOW
    assert found.version == git(workshop.root, "rev-parse", "HEAD")
    assert found.parameters == {"since": "2026-01-01"}
    assert set(found.parameter_openapi_schema["properties"]) == {"orders_file", "since"}
    assert found.enforce_parameter_schema
    assert found.job_variables["env"] == {
        "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "true",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PYTHONUTF8": "1",
        "REGION": "sur",
    }
    assert found.global_concurrency_limit.limit == 1
    assert found.concurrency_options.collision_strategy.value == "ENQUEUE"
    digest = hashlib.sha256((workshop.root / "uv.lock").read_bytes()).hexdigest()[:8]
    assert set(found.tags) == {
        f"repository:{SLUG}",
        "environment:prod",
        "area:general",
        "template:2.0.0",
        "flow-ops:2.0.0",
        f"lock:{digest}",
        "ventas",
    }
    assert workshop.remote.as_posix() in found.description


def test_applying_twice_writes_nothing_the_second_time(workshop: Workshop) -> None:
    apply(workshop.pins)
    before = snapshot(workshop.client)
    with proxy(workshop.server.url, lambda *_: None) as (url, requests), pointing_at(url):
        apply(workshop.pins)
        assert deploy(workshop.pins, "plan", "prod") == 0
    assert snapshot(workshop.client) == before
    assert [r for r in requests if not r.startswith("GET") and not r.endswith("/filter")] == []


def test_each_edit_in_the_interface_is_drift_that_the_next_apply_takes_back(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = with_prod(workshop.pins, schedule=None)
    apply(pins)
    edit = DeploymentUpdate(
        tags=["mine"],
        parameters={"since": "2020-01-01"},
        description="mine",
        job_variables={"env": {}},
        work_pool_name="spare-prod",
    )
    workshop.client.update_deployment(on_server(workshop).id, edit)
    workshop.client.pause_automation(workshop.client.read_automations()[0].id)
    capsys.readouterr()
    assert deploy(pins, "plan", "prod", "--json") == 2
    [plan] = documents(capsys)["deployments"]
    fields = {each["field"].partition(".")[0] for each in plan["differences"]}
    assert fields == {"tags", "parameters", "description", "job_variables", "work_pool"}
    assert len(plan["watchdog"]) == 1
    apply(pins)
    assert deploy(pins, "plan", "prod") == 0


@pytest.mark.slow
def test_a_change_by_someone_else_at_the_same_moment_is_noticed(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = state.write

    def write_then_edit(*arguments: Any) -> None:
        write(*arguments)
        workshop.client.update_deployment(on_server(workshop).id, DeploymentUpdate(tags=["someone else"]))

    monkeypatch.setattr(state, "write", write_then_edit)
    assert deploy(workshop.pins, "apply", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-DEPLOY-04  " in told
    assert "tags" in told


@pytest.mark.slow
def test_several_flows_are_deployed_each_in_its_environments(workshop: Workshop) -> None:
    quick = {"prod": Environment(work_pool="spare-prod", parameters={"day": date(2026, 1, 1)})}
    pins = dataclasses.replace(workshop.pins, flows={**workshop.pins.flows, QUICK: quick})
    apply(pins)
    assert on_server(workshop, "quick/quick-prod").work_pool_name == "spare-prod"
    assert on_server(workshop).work_pool_name == "pool-prod"
    assert deploy(pins, "plan", "prod", "--flow", "quick") == 0


# --- schedules


def test_the_runs_that_the_server_creates_are_the_planned_ones_at_their_local_hour(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(workshop.pins, "plan", "prod", "--json")
    planned = [run["utc"] for run in documents(capsys)["deployments"][0]["next_runs"]]
    apply(workshop.pins)
    told = capsys.readouterr().out
    runs = scheduled(workshop)
    assert [f"{moment:%Y-%m-%d %H:%M UTC}" for moment in runs][:5] == planned[: len(runs)]
    local = {f"{moment.astimezone(ZoneInfo(TIMEZONE)):%H:%M}" for moment in runs}
    assert local <= {"01:30", "13:30", "17:30"}
    first = runs[0].astimezone(ZoneInfo(TIMEZONE))
    assert f"primera ejecución programada: {schedules_day(first)}" in told


def scheduled(workshop: Workshop) -> list[datetime]:
    """Return the moments of the runs that the scheduler has created, in UTC."""
    runs: Any = server.flow_runs(workshop.client, on_server(workshop).id, [StateType.SCHEDULED])
    return sorted(datetime.fromtimestamp(run.expected_start_time.timestamp(), UTC) for run in runs)


def schedules_day(moment: datetime) -> str:
    return f"{['lun', 'mar', 'mié', 'jue', 'vie', 'sáb', 'dom'][moment.weekday()]} {moment:%Y-%m-%d %H:%M}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "offsets"),
    [
        pytest.param(date(2027, 3, 14), (-5, -4), id="clocks go forward"),
        pytest.param(date(2027, 11, 7), (-4, -5), id="clocks go back"),
    ],
)
def test_local_times_stay_right_over_a_change_of_the_clocks(
    workshop: Workshop, change: date, offsets: tuple[int, int]
) -> None:
    """The server itself is asked to schedule the days around the change, in a zone that has one."""
    zone = "America/New_York"
    apply(with_prod(workshop.pins, schedule="30 9,17 * * *", active=False))
    deployment = on_server(workshop)
    timing = schedules.plain("30 9,17 * * *", zone)
    create = DeploymentScheduleCreate(schedule=CronSchedule(**timing), active=True)
    workshop.client.create_deployment_schedules(deployment.id, [create])
    midnight = datetime.combine(change, time(), ZoneInfo(zone))
    start, end = midnight - timedelta(days=2), midnight + timedelta(days=2)
    body = {"start_time": start.isoformat(), "end_time": end.isoformat(), "min_runs": 20, "max_runs": 50}
    ask(workshop.client, f"/deployments/{deployment.id}/schedule", **body)
    moments = [moment.astimezone(ZoneInfo(zone)) for moment in scheduled(workshop)]
    around = [moment for moment in moments if start <= moment <= end]
    assert {f"{moment:%H:%M}" for moment in around} == {"09:30", "17:30"}
    first, last = (timedelta(hours=hours) for hours in offsets)
    assert (around[0].utcoffset(), around[-1].utcoffset()) == (first, last)
    ours = schedules.next_runs([{"timing": timing, "active": True}], count=len(around), start=start)
    assert ours == [moment.astimezone(UTC) for moment in around]


@pytest.mark.parametrize(
    ("schedule", "zone", "told"),
    [
        ("0 0 * * *", "America/Santiago", "FT-SCHED-09  El 2027-09-05 cambia la hora en America/Santiago, y el"
         " horario 0 0 * * * se mueve: 01:00 en lugar de 00:00."),
        ("30 2 * * *", "Europe/Madrid", "se mueve: 03:30 en lugar de 02:30."),
        ("0 * * * *", "Europe/Madrid", "FT-SCHED-10  El 2027-10-31 se repite una hora en Europe/Madrid, y el"
         " horario 0 * * * * se ejecuta en ella una sola vez."),
        (timedelta(hours=1), "Europe/Madrid", "FT-SCHED-10"),
        ("0 6 * * *", "Europe/Madrid", None),
        (timedelta(days=1), "Europe/Madrid", None),
        ("0 0 * * *", "America/Argentina/Buenos_Aires", None),
        ("* * * * *", "America/Argentina/Buenos_Aires", None),
    ],
)  # fmt: skip
def test_what_a_change_of_the_clocks_does_to_a_schedule_is_told(
    schedule: str | timedelta, zone: str, told: str | None
) -> None:
    found = [*checks.clock_changes(schedule, zone, datetime(2026, 11, 26, tzinfo=UTC))]
    assert [told in str(each) for each in found if told] == ([True] if told else [])
    assert len(found) == (1 if told else 0)


def pause_schedules(workshop: Workshop) -> None:
    deployment = on_server(workshop)
    for schedule in deployment.schedules:
        workshop.client.update_deployment_schedule(deployment.id, schedule.id, active=False)


def test_a_schedule_that_someone_paused_is_said_with_the_command_that_activates_it(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "uv run deploy.py apply prod --activate"
    pins = with_prod(workshop.pins, schedule=(SCHEDULE, ANOTHER))
    apply(pins)
    for arguments in (["status"], ["doctor"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        assert "--activate" not in capsys.readouterr().out, "in dev the file wants it paused"
    found = on_server(workshop)
    another: Any = next(one for one in found.schedules if getattr(one.schedule, "cron", "") == ANOTHER)
    workshop.client.update_deployment_schedule(found.id, another.id, active=False)
    for arguments in (["plan", "prod"], ["apply", "prod"], ["status"], ["doctor"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        told = capsys.readouterr().out
        assert told.count(command) == 1, arguments
        assert ("(pausado)" in told) is (arguments != ["doctor"])
    assert "[AVISO] El servidor" in told
    assert "FT-SCHED-11  Alguien pausó" in told
    workshop.client.pause_deployment(found.id)
    for arguments in (["plan", "prod"], ["status"], ["doctor"]):
        deploy(pins, *arguments)
        assert command in capsys.readouterr().out, arguments
    capsys.readouterr()
    assert deploy(pins, "plan", "prod", "--activate") == cli.DIFFERENT
    assert capsys.readouterr().out.count("(estaba pausado)") == 1
    apply(pins, "--activate")
    capsys.readouterr()
    assert deploy(pins, "status") == 0
    assert "--activate" not in capsys.readouterr().out


def with_dev(workshop: Workshop, **changes: Any) -> Deployments:
    environment = dataclasses.replace(workshop.pins.flows[FLOW]["dev"], **changes)
    return dataclasses.replace(workshop.pins, flows={FLOW: {"dev": environment}})


def test_a_schedule_that_the_file_wants_paused_is_said_with_what_activates_it_and_that_does(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pins, dev = with_dev(workshop, schedule=ANOTHER), f"{SLUG}/{SLUG}-dev"
    assert deploy(pins, "apply", "dev") == 0
    for arguments in (["plan", "dev"], ["apply", "dev"], ["status"], ["doctor", "dev"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        told = capsys.readouterr().out
        assert "active=True" in told, arguments
        assert told.count("uv run deploy.py apply dev --activate") == 1, arguments
    assert "[AVISO] El servidor" in told
    assert f"FT-SCHED-12  Con el horario pausado, como lo quiere deploy.py: {dev}." in told
    assert deploy(pins, "apply", "dev", "--activate") == 1
    assert "FT-SCHED-05  " in capsys.readouterr().err
    pins = with_dev(workshop, schedule=ANOTHER, active=True)
    assert deploy(pins, "apply", "dev", "--activate") == 0
    assert [one.active for one in on_server(workshop, dev).schedules] == [True]
    for arguments in (["plan", "dev"], ["status"], ["doctor", "dev"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        assert "--activate" not in capsys.readouterr().out, arguments


@pytest.mark.parametrize("schedule", [None, ANOTHER])
def test_a_deployment_that_someone_paused_outside_prod_is_said_with_the_command_that_activates_it(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], schedule: str | None
) -> None:
    pins, dev = with_dev(workshop, schedule=schedule), f"{SLUG}/{SLUG}-dev"
    assert deploy(pins, "apply", "dev") == 0
    workshop.client.pause_deployment(on_server(workshop, dev).id)
    for arguments in (["plan", "dev"], ["apply", "dev"], ["status"], ["doctor", "dev"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        assert capsys.readouterr().out.count("uv run deploy.py apply dev --activate") == 1, arguments
    assert deploy(pins, "apply", "dev", "--activate") == 0
    found = on_server(workshop, dev)
    assert not found.paused
    assert not any(one.active for one in found.schedules), "the file wants them paused"


def test_a_schedule_paused_in_the_interface_stays_paused_when_something_else_or_its_cron_changes(
    workshop: Workshop,
) -> None:
    apply(workshop.pins)
    pause_schedules(workshop)
    assert deploy(workshop.pins, "plan", "prod") == 0
    apply(with_prod(workshop.pins, parameters={"since": date(2026, 1, 1)}))
    assert list(timings(workshop).values()) == [False]
    changed = with_prod(workshop.pins, schedule=ANOTHER)
    apply(changed)
    assert timings(workshop) == {ANOTHER: False}
    apply(changed, "--activate")
    assert list(timings(workshop).values()) == [True]
    apply(changed, "--pause")
    assert list(timings(workshop).values()) == [False]


@pytest.mark.slow
def test_a_deployment_paused_in_the_interface_stays_paused(workshop: Workshop) -> None:
    apply(workshop.pins)
    workshop.client.pause_deployment(on_server(workshop).id)
    changed = with_prod(workshop.pins, tags=("ventas",))
    apply(changed)
    assert on_server(workshop).paused
    apply(changed, "--activate")
    assert not on_server(workshop).paused


@pytest.mark.slow
def test_the_server_has_the_schedules_of_the_file_and_no_others(workshop: Workshop) -> None:
    apply(workshop.pins)
    for written in (ANOTHER,), ("0 9 * * *", "0 18 * * *"), ():
        apply(with_prod(workshop.pins, schedule=written or None))
        assert timings(workshop) == dict.fromkeys(written, True)
        found: Any = on_server(workshop).schedules
        assert {one.schedule.timezone for one in found} <= {TIMEZONE}


@pytest.mark.slow
def test_an_interval_is_stable_from_one_apply_to_the_next(workshop: Workshop) -> None:
    pins = with_prod(workshop.pins, schedule=timedelta(hours=6))
    apply(pins)
    assert deploy(pins, "plan", "prod") == 0


def by_hand(workshop: Workshop, name: str = FULL_NAME) -> None:
    create = DeploymentScheduleCreate(schedule=CronSchedule(cron=ANOTHER, timezone=TIMEZONE))
    workshop.client.create_deployment_schedules(on_server(workshop, name).id, [create])


@pytest.mark.slow
def test_a_schedule_made_by_hand_is_named_by_the_plan(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    by_hand(workshop)
    capsys.readouterr()
    assert deploy(workshop.pins, "plan", "prod") == 2
    told = capsys.readouterr()
    assert ANOTHER in told.out
    assert "FT-SCHED-03  " in told.err


@pytest.mark.slow
def test_a_schedule_made_by_hand_can_be_adopted_for_good_and_removed_later(workshop: Workshop) -> None:
    apply(workshop.pins)
    by_hand(workshop)
    apply(workshop.pins, "--adopt")
    assert ANOTHER in timings(workshop)
    assert deploy(workshop.pins, "plan", "prod") == 0
    apply(with_prod(workshop.pins, tags=("ventas",)))
    assert ANOTHER in timings(workshop)
    apply(workshop.pins, "--remove")
    assert ANOTHER not in timings(workshop)


def test_an_adopted_schedule_that_somebody_paused_is_activated_where_the_file_has_none(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pins, dev = with_dev(workshop, schedule=None), f"{SLUG}/{SLUG}-dev"
    assert deploy(pins, "apply", "dev", "--activate") == 0, "where there is nothing to activate"
    by_hand(workshop, dev)
    assert deploy(pins, "apply", "dev", "--adopt") == 0
    assert deploy(pins, "apply", "dev", "--pause") == 0
    for arguments in (["plan", "dev"], ["status"], ["doctor", "dev"]):
        capsys.readouterr()
        assert deploy(pins, *arguments) == 0
        told = capsys.readouterr().out
        assert "active=True" not in told, arguments
        assert told.count("uv run deploy.py apply dev --activate") == 1, arguments
    assert deploy(pins, "apply", "dev", "--activate") == 0
    assert [one.active for one in on_server(workshop, dev).schedules] == [True]


def test_doctor_notes_a_deployment_that_somebody_deleted_on_the_server_and_its_command_restores_it(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    workshop.client.delete_deployment(on_server(workshop).id)
    capsys.readouterr()
    assert deploy(workshop.pins, "doctor", "prod") == 0
    told = capsys.readouterr().out
    assert f"FT-DEPLOY-07  «{FULL_NAME}» no está en el servidor." in told
    assert "uv run deploy.py apply prod\n" in told
    apply(workshop.pins)
    capsys.readouterr()
    assert deploy(workshop.pins, "doctor", "prod") == 0
    assert "FT-DEPLOY-07" not in capsys.readouterr().out


def test_a_plan_says_what_a_schedule_was_and_becomes_and_that_apply_would_refuse(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    by_hand(workshop)
    capsys.readouterr()
    deploy(with_prod(workshop.pins, schedule="0 7 * * 2"), "plan", "prod")
    told = capsys.readouterr().out
    assert re.search(rf" - {re.escape(SCHEDULE)}  .*\n(?:.*\n)? +\+ 0 7 \* \* 2  ", told)
    assert told.endswith("Así como está, apply no escribiría nada: antes hay que resolver lo de arriba.\n")
    deploy(with_prod(workshop.pins, schedule=(SCHEDULE, "0 7 * * 2")), "plan", "prod")
    told = capsys.readouterr().out
    assert re.search(rf"\n +{re.escape(SCHEDULE)}  .*\n(?:.*\n)? +\+ 0 7 \* \* 2  ", told), told


@pytest.mark.slow
def test_a_schedule_made_by_hand_can_be_removed(workshop: Workshop) -> None:
    apply(workshop.pins)
    by_hand(workshop)
    apply(workshop.pins, "--remove")
    assert ANOTHER not in timings(workshop)


@pytest.mark.slow
def test_a_schedule_made_by_hand_and_then_written_in_the_file_keeps_its_state(workshop: Workshop) -> None:
    apply(workshop.pins)
    by_hand(workshop)
    pause_schedules(workshop)
    both = ("30 1,13,17 * * *", ANOTHER)
    apply(with_prod(workshop.pins, schedule=both))
    assert timings(workshop) == dict.fromkeys(both, False)


def test_outside_prod_a_schedule_is_paused_unless_the_file_says_otherwise(workshop: Workshop) -> None:
    environments = {"dev": Environment(work_pool="pool-dev", schedule=ANOTHER)}
    pins = dataclasses.replace(workshop.pins, flows={FLOW: environments})
    dev = f"{SLUG}/{SLUG}-dev"
    assert deploy(pins, "apply", "dev") == 0
    assert [one.active for one in on_server(workshop, dev).schedules] == [False]
    environments["dev"] = dataclasses.replace(environments["dev"], active=True)
    assert deploy(pins, "apply", "dev", "--activate") == 0
    assert [one.active for one in on_server(workshop, dev).schedules] == [True]


# --- deployments made in other ways


@pytest.mark.slow
def test_a_deployment_made_with_from_source_is_recognised(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    flow: Any = Flow.from_source(GitRepository(workshop.remote.as_posix(), branch="main"), entrypoint=FLOW)
    flow.deploy(
        f"{SLUG}-prod",
        work_pool_name="pool-prod",
        schedules=[Cron("30 1,13,17 * * *", timezone=TIMEZONE)],
        print_next_steps=False,
        ignore_warnings=True,
    )
    pause_schedules(workshop)
    capsys.readouterr()
    assert deploy(workshop.pins, "plan", "prod") == 2
    told = capsys.readouterr().out
    assert "se crearía" not in told
    assert "pull_steps" not in told
    apply(workshop.pins)
    assert timings(workshop) == {"30 1,13,17 * * *": False}


@pytest.mark.slow
def test_a_deployment_made_with_prefect_deploy_is_recognised(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        sys.executable,
        "-m",
        "prefect",
        "--no-prompt",
        "deploy",
        FLOW,
        "-n",
        f"{SLUG}-prod",
        "-p",
        "pool-prod",
    ]
    subprocess.run(command, cwd=workshop.root, env=workshop.environment, check=True, capture_output=True)
    capsys.readouterr()
    assert deploy(workshop.pins, "plan", "prod") == 2
    assert "se crearía" not in capsys.readouterr().out
    apply(workshop.pins)
    assert deploy(workshop.pins, "plan", "prod") == 0


@pytest.mark.slow
def test_a_renamed_deployment_is_told_and_can_be_retired(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    created = on_server(workshop)
    body = {"name": f"{SLUG}-produccion", "flow_id": str(created.flow_id), "work_pool_name": "pool-prod"}
    ask(workshop.client, "/deployments/", **body)
    capsys.readouterr()
    assert deploy(workshop.pins, "plan", "prod") == 0
    assert f"FT-DEPLOY-08  El servidor tiene «{SLUG}/{SLUG}-produccion»" in capsys.readouterr().err
    assert deploy(workshop.pins, "retire", f"{SLUG}-produccion", "--yes") == 0
    assert [one.name for one in workshop.client.read_deployments()] == [f"{SLUG}-prod"]


# --- retire, status, doctor


def test_retiring_leaves_no_deployment_no_future_run_and_no_automation(workshop: Workshop) -> None:
    apply(workshop.pins)
    deployment_id = on_server(workshop).id
    wait_until(
        lambda: server.flow_runs(workshop.client, deployment_id, [StateType.SCHEDULED]),
        seconds=30,
        what="scheduled runs",
    )
    assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
    assert workshop.client.read_deployments() == []
    assert workshop.client.read_automations() == []
    # Its own: Prefect's scheduler may have made runs of an earlier test's deployment as it was deleted.
    runs: Any = ask(workshop.client, "/flow_runs/filter")
    assert [run["name"] for run in runs if run["deployment_id"] == str(deployment_id)] == []


@pytest.mark.parametrize("name", [FULL_NAME, FULL_NAME.partition("/")[2]])
def test_a_deployment_of_the_file_is_retired_by_its_own_name_too(workshop: Workshop, name: str) -> None:
    apply(workshop.pins)
    assert deploy(workshop.pins, "retire", name, "--yes") == 0
    assert workshop.client.read_deployments() == []
    assert workshop.client.read_automations() == []


def test_of_a_deployment_of_another_repository_nothing_is_retired(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    before = workshop.client.read_automations()
    others = workshop.client.create_flow_from_name("of-others")
    workshop.client.create_deployment(others, "of-others-prod")
    for one in before:  # As if the watchdog were theirs.
        renamed = one.model_copy(update={"name": one.name.replace(FULL_NAME, "of-others/of-others-prod")})
        workshop.client.create_automation(AutomationCore(**renamed.model_dump(exclude={"id"})))
    assert deploy(workshop.pins, "retire", "of-others/of-others-prod", "--yes") == 1
    assert "FT-DEPLOY-01" in capsys.readouterr().err
    assert len(workshop.client.read_automations()) == 2 * len(before)


def test_what_activates_a_paused_schedule_names_its_flow_where_there_are_several(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    flows = {**workshop.pins.flows, f"{QUICK}": {"dev": Environment(work_pool="pool-dev")}}
    pins = dataclasses.replace(workshop.pins, flows=flows)
    assert deploy(pins, "apply", "prod", "--pause") == 0
    capsys.readouterr()
    deploy(pins, "plan", "prod")
    told = " ".join(capsys.readouterr().out.split())
    assert f"uv run deploy.py apply prod --flow {SLUG} --activate" in told


@pytest.mark.slow
def test_retiring_pauses_first_then_deletes_with_every_run_but_those_that_have_started(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    waiting: list[State] = [
        Scheduled(scheduled_time=tomorrow, name=name)
        for name in ("Scheduled", "AwaitingConcurrencySlot", "AwaitingRetry")
    ]
    for one in waiting[:2]:
        workshop.client.create_flow_run_from_deployment(on_server(workshop).id, state=one)
    started = workshop.client.create_flow_run_from_deployment(on_server(workshop).id).id
    for one in (Pending(), Running(), waiting[2]):
        workshop.client.set_flow_run_state(started, one, force=True)
    capsys.readouterr()
    with proxy(workshop.server.url, lambda *_: None) as (url, requests), pointing_at(url):
        assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
    paths = [r.replace("/api/", "").split("/")[0] for r in requests]
    writes = [path for path in paths if path.startswith(("PATCH", "DELETE"))]
    order = list(dict.fromkeys(writes))
    assert order == ["PATCH deployments", "DELETE flow_runs", "DELETE deployments", "DELETE automations"]
    runs: Any = ask(workshop.client, "/flow_runs/filter")
    left = [run["name"] for run in runs if run["state_name"] in {one.name for one in waiting}]
    assert left == [workshop.client.read_flow_run(started).name]
    assert "en curso, que terminan solas: 1." in capsys.readouterr().out


def test_retiring_leaves_none_of_more_future_runs_than_the_server_gives_at_once(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PAGE", 2)  # In the place of 200.
    apply(with_prod(workshop.pins, schedule=None))
    soon = datetime.now(UTC) + timedelta(hours=1)
    made: list[State] = [Scheduled(scheduled_time=soon, name="AwaitingConcurrencySlot")]
    made += [Scheduled(scheduled_time=soon + timedelta(hours=number)) for number in range(1, 4)]
    made.append(Running())
    for one in made:
        workshop.client.create_flow_run_from_deployment(on_server(workshop).id, state=one)
    suspended = workshop.client.create_flow_run_from_deployment(on_server(workshop).id, state=Running()).id
    workshop.client.set_flow_run_state(suspended, Suspended(), force=True)
    capsys.readouterr()
    assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
    assert "se borran: 4; en curso, que terminan solas: 2." in capsys.readouterr().out
    runs: Any = ask(workshop.client, "/flow_runs/filter")
    left = [run["state_name"] for run in runs if run["state_type"] not in ("COMPLETED", "CRASHED")]
    assert sorted(left) == ["Running", "Suspended"]


@pytest.mark.slow
def test_status_shows_every_environment_side_by_side(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    capsys.readouterr()
    assert deploy(workshop.pins, "status", "--json") == 0
    dev, prod = documents(capsys)["deployments"]
    assert (dev["exists"], prod["exists"]) == (False, True)
    assert prod["version"] == git(workshop.root, "rev-parse", "HEAD")
    assert prod["schedules"] == [{"schedule": f"30 1,13,17 * * * ({TIMEZONE})", "active": True}]
    assert prod["workers_online"] == 0
    assert deploy(workshop.pins, "status") == 0
    assert f"{SLUG}-dev" in capsys.readouterr().out


def test_status_shows_a_run_that_waits_for_a_worker(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(with_prod(workshop.pins, schedule=None))
    workshop.client.create_flow_run_from_deployment(on_server(workshop).id)
    capsys.readouterr()
    assert deploy(workshop.pins, "status", "--json") == 0
    assert [run["state"] for run in documents(capsys)["deployments"][1]["last_runs"]] == ["Scheduled"]


@pytest.mark.slow
def test_status_shows_an_environment_whose_pool_is_missing_beside_the_others(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(with_prod(workshop.pins, schedule=None))
    environments = {**workshop.pins.flows[FLOW], "test": Environment(work_pool="gone-test")}
    pins = dataclasses.replace(workshop.pins, flows={FLOW: environments})
    capsys.readouterr()
    assert deploy(pins, "status") == 0
    told = capsys.readouterr()
    dev, prod, test = told.out.splitlines()[1:]
    assert columns(dev) == f"{SLUG}-dev (no está)  pool-dev  0  "
    assert columns(prod) == f"{SLUG}-prod  pool-prod  0  "
    assert columns(test) == f"{SLUG}-test (no está)  gone-test (no está)  -  "
    assert told.err == ""
    assert deploy(pins, "status", "--json") == 0
    assert [row["work_pool_exists"] for row in documents(capsys)["deployments"]] == [True, True, False]


def columns(row: str) -> str:
    """Return the first three columns of a row."""
    return "".join(f"{cell}  " for cell in re.split(r" {2,}", row.strip())[:3])


@pytest.mark.slow
def test_retiring_takes_the_flows_that_are_deployed_and_names_the_others(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(with_prod(workshop.pins, schedule=None))
    quick = {"prod": Environment(work_pool="pool-prod", parameters={"day": date(2026, 1, 1)})}
    pins = dataclasses.replace(workshop.pins, flows={QUICK: quick, **workshop.pins.flows})
    capsys.readouterr()
    assert deploy(pins, "retire", "prod", "--yes") == 0
    told = capsys.readouterr().out
    assert "quick/quick-prod: no está en el servidor." in told
    assert f"{FULL_NAME}: retirado, con sus ejecuciones futuras." in told
    assert workshop.client.read_deployments() == []
    assert deploy(pins, "retire", "prod", "--yes") == 1
    assert "FT-DEPLOY-07  " in capsys.readouterr().err


def test_doctor_says_what_is_well_and_what_is_not(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(workshop.pins, "doctor") == 0
    assert "[OK] El repositorio" in capsys.readouterr().out
    assert deploy(with_prod(workshop.pins, work_pool="pool-dev"), "doctor") == 1
    told = capsys.readouterr().out
    assert f"[ERROR] deploy.py: {FULL_NAME}" in told
    assert "FT-POOL-03  " in told


def test_doctor_notes_rules_of_the_watchdog_that_somebody_deleted_or_disabled_and_its_command_restores_them(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    for change in ("deleted", "disabled"):
        capsys.readouterr()
        assert deploy(workshop.pins, "doctor", "prod") == 0
        assert "FT-WATCHDOG-07" not in capsys.readouterr().out
        (late,) = (one for one in workshop.client.read_automations() if one.name.endswith(": late"))
        if change == "deleted":
            workshop.client.delete_automation(late.id)
        else:
            workshop.client.pause_automation(late.id)
        assert deploy(workshop.pins, "doctor", "prod") == 0
        told = capsys.readouterr().out
        assert "[AVISO] El servidor" in told
        assert re.search(rf"FT-WATCHDOG-07  El watchdog de «{FULL_NAME}» no está entero .*: late\.", told)
        assert "uv run deploy.py apply prod\n" in told
        apply(workshop.pins)


def test_doctor_notes_a_pool_of_another_area_than_the_tag_s(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.client.create_work_pool(WorkPoolCreate(name="ventas-prod", type="process"))
    pins = with_prod(workshop.pins, work_pool="ventas-prod")
    deploy(pins, "doctor", "prod")
    assert "FT-POOL-11" not in capsys.readouterr().out, "nothing says that ventas is an area"
    flow_id = workshop.client.create_flow_from_name("of-ventas")
    workshop.client.create_deployment(flow_id, "of-ventas-prod", tags=["area:ventas"])
    assert deploy(pins, "doctor", "prod") == 0
    told = capsys.readouterr().out
    workshop.client.delete_work_pool("ventas-prod")
    assert "FT-POOL-11  El pool «ventas-prod» es del área ventas" in told
    assert "la etiqueta del despliegue dice area:general" in told
    deploy(workshop.pins, "doctor", "prod")
    assert "FT-POOL-11" not in capsys.readouterr().out


@pytest.mark.parametrize(("pool", "near"), [("poool-prod", "pool-prod"), ("sistemas-prod", None)])
def test_a_pool_that_is_like_another_but_for_its_environment_is_proposed(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], pool: str, near: str | None
) -> None:
    workshop.client.create_work_pool(WorkPoolCreate(name="ventas-prod", type="process"))
    assert deploy(with_prod(workshop.pins, work_pool=pool), "plan", "prod") == 1
    workshop.client.delete_work_pool("ventas-prod")
    told = capsys.readouterr().err.partition("FT-POOL-01  ")[2].partition("\n")[0]
    assert (f"¿Quisiste decir {near}?" if near else "no existe. Hay:") in told


def test_a_folder_of_this_machine_that_is_a_clone_is_compared_with_what_is_here(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ventas diarias"
    git(tmp_path, "clone", "--quiet", str(workshop.root), str(folder))
    pins = with_prod(workshop.pins, source=FolderSource(str(folder)))
    assert deploy(pins, "doctor", "prod") == 0
    assert "FT-SOURCE-08" not in capsys.readouterr().out
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "elsewhere")
    assert deploy(pins, "doctor", "prod") == 0
    assert "FT-SOURCE-08" not in capsys.readouterr().out, "it is ahead"
    git(workshop.root, "checkout", "--quiet", "--detach")
    git(folder, "reset", "--quiet", "--hard", "origin/main")
    git(workshop.root, "commit", "--quiet", "--allow-empty", "--message", "newer")
    deploy(pins, "plan", "prod")
    git(workshop.root, "checkout", "--quiet", "main")
    told = capsys.readouterr().err
    assert f"FT-SOURCE-08  La carpeta del código, «{folder}», está en un commit anterior (" in told
    assert f"git -C {shell.arguments([str(folder)])} pull\n" in told


def test_doctor_notes_a_folder_that_is_not_there_where_this_machine_can_know(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = "/srv/flows/gone" if sys.platform == "win32" else "C:/flows/gone"
    for path, told in ((tmp_path / "gone", True), (tmp_path, False), (elsewhere, False)):
        assert deploy(with_prod(workshop.pins, source=FolderSource(str(path))), "doctor", "prod") == 0
        assert ("FT-SOURCE-07  " in capsys.readouterr().out) is told, path


def on_a_terminal(workshop: Workshop, *arguments: str) -> Any:
    pexpect = pytest.importorskip("pexpect", reason="terminals of this kind are POSIX only")
    command = ["deploy.py", *arguments]
    return pexpect.spawn(
        sys.executable,
        command,
        cwd=str(workshop.root),
        env=workshop.environment,
        encoding="utf-8",
        timeout=90,
        dimensions=(40, 110),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [("no", 1), ("sí", 0)])
def test_on_a_terminal_retire_asks_first(workshop: Workshop, answer: str, left: int) -> None:
    apply(with_prod(workshop.pins, schedule=None))
    terminal = on_a_terminal(workshop, "retire", "prod")
    terminal.expect("¿Retirar?")
    terminal.sendline(answer)
    terminal.read()
    terminal.close()
    assert terminal.exitstatus == left
    assert len(workshop.client.read_deployments()) == left


@pytest.mark.slow
def test_on_a_terminal_a_plan_has_colours_and_fits_its_width(workshop: Workshop) -> None:
    terminal = on_a_terminal(workshop, "plan", "prod")
    drawn = terminal.read()
    terminal.close()
    assert terminal.exitstatus == 2
    assert "\x1b[" in drawn
    (plan, *_) = re.sub(r"\x1b\[[0-9;]*m", "", drawn).split("FT-")
    assert "pool-prod" in plan
    assert [line for line in plan.splitlines() if len(line) > 80] == []


def test_a_plan_says_in_words_what_else_differs(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    capsys.readouterr()
    assert deploy(with_prod(workshop.pins, tags=("owner:x",), concurrency_limit=2), "plan", "prod") == 2
    assert re.search(r"otros +ejecuciones a la vez, etiquetas", capsys.readouterr().out)


@pytest.mark.slow
def test_a_plan_shows_every_field_only_where_it_is_asked_to(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(workshop.pins, "plan", "prod")
    assert "enforce_parameter_schema" not in capsys.readouterr().out
    deploy(workshop.pins, "plan", "prod", "--all")
    assert "enforce_parameter_schema" in capsys.readouterr().out


def test_with_all_a_plan_shows_the_fields_that_do_not_change_beside_those_that_do(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(workshop.pins)
    commit = git(workshop.root, "rev-parse", "HEAD")
    for pins, differ in (
        (workshop.pins, []),
        (with_prod(workshop.pins, env={"REGION": "sur"}), ["job_variables.env.REGION"]),
    ):
        capsys.readouterr()
        assert deploy(pins, "plan", "prod", "--all") == (cli.DIFFERENT if differ else 0)
        told = capsys.readouterr().out
        fields = re.findall(r"(?m)^([a-z_]+(?:\.\w+)*) {2,}\S", told)
        same = [
            field for field in state.actual(on_server(workshop)) if not (differ and field == "job_variables")
        ]
        assert [field for field in fields if field != "campo"] == [*differ, *same]
        assert re.search(rf"version +{commit}", told)


# --- workers and the scheduler


@pytest.mark.slow
def test_a_queue_that_gives_out_no_runs_is_told_and_stops_nothing(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.client.update_work_pool("spare-prod", WorkPoolUpdate(concurrency_limit=0))
    try:
        apply(with_prod(workshop.pins, work_pool="spare-prod"))
    finally:
        workshop.client.update_work_pool("spare-prod", WorkPoolUpdate(concurrency_limit=None))
    told = capsys.readouterr().err
    assert "FT-POOL-05  " in told
    assert "FT-POOL-06  " in told


@pytest.mark.slow  # a server of its own
def test_a_scheduler_that_creates_no_runs_is_an_error(
    workshop: Workshop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "SCHEDULER_PATIENCE", 3.0)
    with (
        prefect_server(tmp_path, PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED="false") as running,
        SyncPrefectClient(running.url) as client,
        pointing_at(running.url),
    ):
        client.create_work_pool(WorkPoolCreate(name="pool-prod", type="process"))
        assert deploy(workshop.pins, "apply", "prod") == 1
        # Once its scheduler works, the same command goes on from there.
        assert [one.name for one in client.read_deployments()] == [f"{SLUG}-prod"]
    assert "FT-DEPLOY-06  " in capsys.readouterr().err


# --- where the code comes from


@pytest.mark.slow
def test_a_folder_is_kept_as_written_whatever_machine_deploys(workshop: Workshop) -> None:
    for path in (r"C:\flows\ventas", "C:/flows/ventas", "/srv/flows/ventas"):
        pins = dataclasses.replace(with_prod(workshop.pins, schedule=None), source=FolderSource(path))
        apply(pins)
        steps = on_server(workshop).pull_steps
        assert steps == [{"prefect.deployments.steps.set_working_directory": {"directory": path}}]
        assert deploy(pins, "plan", "prod") == 0


@pytest.mark.slow
def test_a_pinned_commit_is_deployed_as_such(workshop: Workshop) -> None:
    commit = git(workshop.root, "rev-parse", "HEAD")
    apply(dataclasses.replace(workshop.pins, source=GitSource(workshop.remote.as_posix(), commit=commit)))
    found = on_server(workshop)
    assert found.version == commit
    assert found.pull_steps == source.pull_steps(GitSource(workshop.remote.as_posix(), commit=commit))
    assert commit in json.dumps(found.pull_steps)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://github.com/org/repo.git", "git@github.com:org/repo"),
        ("https://github.com/org/repo", "ssh://git@GitHub.com/org/repo.git"),
        ("https://github.com/org/repo/", "https://token@github.com/org/repo.git"),
    ],
)
def test_two_addresses_of_one_repository_are_the_same_place(one: str, other: str) -> None:
    assert source.same_place(one, other)


def test_addresses_of_two_repositories_are_not_the_same_place() -> None:
    assert not source.same_place("https://github.com/org/repo.git", "https://github.com/org/repo2.git")


# --- what is printed


def test_the_schema_is_that_of_the_signature(workshop: Workshop) -> None:
    loaded = entrypoints.load(QUICK, workshop.root)
    assert loaded.schema["required"] == ["day"]
    assert loaded.schema["properties"]["copies"]["type"] == "integer"


@pytest.mark.parametrize("encoding", [pytest.param("cp1252", marks=pytest.mark.slow), "ascii"])
def test_a_plan_survives_a_console_that_cannot_show_it(workshop: Workshop, encoding: str) -> None:
    environment = {**workshop.environment, "PYTHONIOENCODING": encoding}
    environment.pop("PYTHONUTF8", None)
    command = [sys.executable, "deploy.py", "plan", "prod"]
    answer = subprocess.run(command, cwd=workshop.root, env=environment, capture_output=True, check=False)
    assert answer.returncode == 2
    told = answer.stdout.decode(encoding)
    assert "pool-prod" in told
    assert "\x1b" not in told
    assert b"Traceback" not in answer.stderr
