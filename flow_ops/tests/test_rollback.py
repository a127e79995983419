"""Back to the commit before, and forward again: what is written, what is refused, and real runs in between."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.actions import DeploymentUpdate, LogCreate
from prefect.states import Completed, Running

from flow_ops import cli
from flow_ops.deploy import server, state
from flow_ops.deployment import Deployments, FolderSource
from flow_ops.logging.runs import COMMIT
from helpers.support import prefect_worker, wait_until
from helpers.workshop import FULL_NAME, PACKAGE, PASSWORD, Workshop, deploy, git, with_prod

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pins(workshop: Workshop) -> Deployments:
    """What is deployed, at the newest of two commits or more, whatever the test before has left."""
    if int(git(workshop.root, "rev-list", "--count", "HEAD")) == 1:
        push(workshop, "README.md", "# Another\n")
    made = with_prod(workshop.pins, concurrency_limit=None)
    assert deploy(made, "apply", "prod", "--forward") == 0
    return made


def push(workshop: Workshop, name: str, text: str) -> str:
    """Commit a file, push it and return the commit."""
    (workshop.root / name).write_text(text, encoding="utf-8")
    git(workshop.root, "commit", "--quiet", "--all", "--message", f"Change {name}")
    git(workshop.root, "push", "--quiet", "origin", "main")
    return git(workshop.root, "rev-parse", "HEAD")


def on_server(workshop: Workshop) -> dict[str, Any]:
    return state.actual(workshop.client.read_deployment_by_name(FULL_NAME))


def test_the_commit_alone_is_changed(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    before, first = on_server(workshop), git(workshop.root, "rev-parse", "HEAD~1")
    assert deploy(pins, "rollback", "prod", "--to", first[:10]) == 0
    assert f"fijo en el commit {first[:8]}" in capsys.readouterr().out
    after = on_server(workshop)
    assert {each.field for each in state.differences(before, after)} == {"version", "pull_steps", "tags"}
    assert after["version"] == first
    [(_, clone)] = after["pull_steps"][0].items()
    assert clone == {"repository": workshop.remote.as_posix(), "commit_sha": first}
    [pinned] = set(after["tags"]) - set(before["tags"])
    assert pinned.startswith("pinned:20")


def test_going_back_to_where_it_is_changes_nothing(workshop: Workshop, pins: Deployments) -> None:
    first = git(workshop.root, "rev-parse", "HEAD~1")
    assert deploy(pins, "rollback", "prod", "--to", first) == 0
    made = workshop.client.read_deployment_by_name(FULL_NAME)
    tags = [tag for tag in made.tags if not tag.startswith("pinned:")]
    workshop.client.update_deployment(made.id, DeploymentUpdate(tags=[*tags, "pinned:2026-01-31T03:00:00Z"]))
    before = on_server(workshop)
    assert deploy(pins, "rollback", "prod", "--to", first) == 0
    assert on_server(workshop) == before


def test_what_is_pinned_is_said_and_kept_until_it_is_let_go(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    first = git(workshop.root, "rev-parse", "HEAD~1")
    assert deploy(pins, "rollback", "prod", "--to", first) == 0
    pinned = on_server(workshop)
    capsys.readouterr()
    assert deploy(pins, "plan", "prod") == 2
    told = capsys.readouterr()
    assert f"fijo        en el commit {first[:8]} desde " in told.out
    assert "FT-BACK-04" in told.err
    assert deploy(pins, "apply", "prod") == 1
    assert "--forward" in capsys.readouterr().err
    assert on_server(workshop) == pinned
    assert deploy(pins, "status") == 0
    assert f"{first[:8]} (fijo desde " in capsys.readouterr().out
    assert deploy(pins, "status", "--json") == 0
    [row] = [one for one in json.loads(capsys.readouterr().out)["deployments"] if one["exists"]]
    assert row["pinned"]["commit"] == first
    assert cli.run(["fleet"]) == 0
    assert "FT-FLEET-11" in capsys.readouterr().out
    assert deploy(pins, "apply", "prod", "--forward") == 0
    assert on_server(workshop)["version"] == git(workshop.root, "rev-parse", "HEAD")
    capsys.readouterr()
    assert deploy(pins, "plan", "prod") == 0
    assert "FT-BACK" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_commit_that_the_remote_lacks_is_refused(
    workshop: Workshop, pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    before = on_server(workshop)
    git(workshop.root, "commit", "--quiet", "--allow-empty", "--message", "Kept here")
    here = git(workshop.root, "rev-parse", "HEAD")
    git(workshop.root, "reset", "--quiet", "--hard", "HEAD~1")
    git(workshop.root, "tag", "only-here")
    for commit in (
        here,
        "0123456789",
        "--all",
        "no-such-branch",
        "HEAD",
        "HEAD~1",
        "FETCH_HEAD",
        "only-here",
        "",
    ):
        assert deploy(pins, "rollback", "prod", f"--to={commit}") == 1
        told = capsys.readouterr().err
        assert "FT-BACK-03" in told
        (newest,) = re.findall(r"git log (\w+)", told)
        git(workshop.root, "log", newest)
    assert on_server(workshop) == before


@pytest.mark.slow
def test_a_commit_that_a_colleague_pushed_is_found(
    workshop: Workshop, pins: Deployments, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", workshop.remote.as_posix(), "theirs")
    git(tmp_path / "theirs", "commit", "--quiet", "--allow-empty", "--message", "Theirs")
    git(tmp_path / "theirs", "push", "--quiet", "origin", "HEAD:refs/heads/theirs")
    theirs = git(tmp_path / "theirs", "rev-parse", "HEAD")
    with pytest.raises(subprocess.CalledProcessError):
        git(workshop.root, "cat-file", "-e", theirs)
    for written in (f" {theirs} ", "theirs"):
        assert deploy(pins, "rollback", "prod", "--to", written) == 0
        assert on_server(workshop)["version"] == theirs


@pytest.mark.parametrize(
    "kind",
    # The first has one branch too.
    ["--depth=1", pytest.param("--single-branch", marks=pytest.mark.slow)],
)
def test_a_clone_of_a_part_goes_back_as_a_whole_one_does(
    kind: str, workshop: Workshop, pins: Deployments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = git(workshop.root, "rev-parse", "HEAD~1")
    written = git(workshop.root, "commit-tree", "-m", "Aside", "-p", first, f"{first}^{{tree}}")
    git(workshop.root, "push", "--quiet", "origin", f"{written}:refs/heads/aside")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", kind, f"file://{workshop.remote.as_posix()}", str(clone))
    git(clone, "remote", "set-url", "origin", workshop.remote.as_posix())
    monkeypatch.setenv("FLOW_PROJECT_ROOT", str(clone))
    monkeypatch.chdir(clone)
    try:
        for commit in (first, written, "aside"):
            assert deploy(pins, "rollback", "prod", "--to", commit) == 0
            assert on_server(workshop)["version"] == (first if commit == first else written)
    finally:
        git(workshop.root, "push", "--quiet", "origin", ":refs/heads/aside")


def test_without_a_run_that_says_its_commit_one_is_asked_for(
    pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(pins, "rollback", "prod") == 1
    assert "FT-BACK-02" in capsys.readouterr().err


def test_of_several_flows_the_advice_goes_back_with_the_one_that_was_named(
    pins: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    (environments,) = pins.flows.values()
    flows = {**pins.flows, f"src/{PACKAGE}/quick.py:quick": environments}
    flow = FULL_NAME.partition("/")[0]
    assert deploy(dataclasses.replace(pins, flows=flows), "rollback", "prod", "--flow", flow) == 1
    assert f"rollback prod --flow {flow} --to COMMIT" in capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_has_no_commit_to_go_back_to(
    pins: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = dataclasses.replace(pins, source=FolderSource(str(tmp_path)))
    assert deploy(folder, "apply", "prod") == 0
    assert deploy(folder, "rollback", "prod") == 1
    assert "FT-BACK-01" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_not_deployed_cannot_go_back(pins: Deployments, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy(pins, "rollback", "dev") == 1
    assert "FT-DEPLOY-07" in capsys.readouterr().err


def completed_on(workshop: Workshop, commit: str) -> None:
    """Make a run as a worker leaves it that completed on a commit: its log says which."""
    deployment = workshop.client.read_deployment_by_name(FULL_NAME)
    run = workshop.client.create_flow_run_from_deployment(deployment.id, state=Running())
    said = {"name": "flow", "level": 20, "timestamp": datetime.now(UTC), "message": f"{COMMIT} {commit}"}
    log = LogCreate.model_validate({**said, "flow_run_id": run.id})
    workshop.client.create_logs([log])
    workshop.client.set_flow_run_state(run.id, Completed(), force=True)


def test_without_a_commit_it_goes_to_the_last_one_that_a_run_completed_on_and_once_more_to_the_one_before(
    workshop: Workshop, pins: Deployments
) -> None:
    third = push(workshop, "README.md", "# Third\n")
    assert deploy(pins, "apply", "prod", "--forward") == 0
    first, second = git(workshop.root, "rev-parse", "HEAD~2", "HEAD~1").split()
    for commit in (first, second, third):
        completed_on(workshop, commit)
    assert deploy(pins, "rollback", "prod") == 0
    assert on_server(workshop)["version"] == second
    assert deploy(pins, "rollback", "prod") == 0
    assert on_server(workshop)["version"] == first
    assert deploy(pins, "rollback", "prod") == 1


# --- with a worker

TASKS = f"src/{PACKAGE}/tasks.py"


@pytest.mark.slow
@pytest.mark.e2e
def test_a_push_that_breaks_production_is_taken_back_and_the_repaired_one_brought_forward(
    workshop: Workshop, pins: Deployments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = (workshop.root / TASKS).read_text(encoding="utf-8")
    good = git(workshop.root, "rev-parse", "HEAD")
    settings = {"PREFECT_API_AUTH_STRING": PASSWORD, "PYTHONDONTWRITEBYTECODE": ""}
    with prefect_worker(workshop.server, "pool-prod", tmp_path / "worker", **settings):
        ready = lambda: server.workers_online(workshop.client, "pool-prod")  # noqa: E731
        wait_until(ready, seconds=90, what="the worker")
        assert deploy(pins, "run", "prod") == 0
        assert f"flow_ops: commit {good}" in capsys.readouterr().out
        broken = push(workshop, TASKS, sound.replace('logger.info("%s', 'raise ValueError("%s'))
        assert deploy(pins, "run", "prod") == 1
        assert f"flow_ops: commit {broken}" in capsys.readouterr().out
        assert deploy(pins, "rollback", "prod", "--run") == 0
        told = capsys.readouterr().out
        assert f"fijo en el commit {good[:8]}; antes {broken[:8]}" in told
        assert told.count(f"flow_ops: commit {good}") == 1, told
        assert deploy(pins, "apply", "prod") == 1
        fixed = push(workshop, TASKS, sound + "\n\n# Repaired.\n")
        git(workshop.root, "commit", "--quiet", "--allow-empty", "--message", "Not pushed")
        assert deploy(pins, "run", "prod") == 0
        git(workshop.root, "reset", "--quiet", "--hard", fixed)
        told_of_the_pin = capsys.readouterr()
        assert f"flow_ops: commit {good}" in told_of_the_pin.out
        assert "FT-BACK-04" in told_of_the_pin.err
        assert "FT-GIT" not in told_of_the_pin.err, "a push would change nothing"
        assert deploy(pins, "apply", "prod", "--forward") == 0
        assert deploy(pins, "run", "prod") == 0
        assert f"flow_ops: commit {fixed}" in capsys.readouterr().out
        # Once more: to the last that completed before it.
        assert deploy(pins, "rollback", "prod") == 0
        assert on_server(workshop)["version"] == good
