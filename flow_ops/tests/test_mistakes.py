"""The catalogue: each mistake ends in its code, in words, and the server is as it was before.

Every case is one that people make: in deploy.py, in git, on the server, on the command line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import shutil
import socket
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import (
    PREFECT_API_KEY,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    temporary_settings,
)
from pydantic import SecretStr

from flow_ops import cli, project
from flow_ops.deploy import server as prefect_server
from flow_ops.deployment import Deployments, Environment, FolderSource, GitSource, Limits, Notification
from helpers import support
from helpers.https_git import private_git_host
from helpers.repositories import TIMEZONE
from helpers.support import not_on_windows, remove
from helpers.workshop import (
    FLOW,
    PACKAGE,
    Answer,
    Workshop,
    deploy,
    git,
    inside,
    pointing_at,
    proxy,
    with_prod,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

QUICK = f"src/{PACKAGE}/quick.py"
# The last minor version before the oldest that generated repositories take.


@pytest.fixture(autouse=True, scope="module")
def _deployed_before(workshop: Workshop) -> None:
    """The mistakes are made over a deployment that is right."""
    with written() as requests:
        assert deploy(workshop.pins, "apply", "prod") == 0
    assert requests, "what writes is not seen"


def first_of_each_family(mistakes: Iterable[tuple[str, str, Any]]) -> list[Any]:
    """Return the cases: of each kind of code (FT-POOL, FT-GIT) one at each push, the others every week."""
    seen: set[str] = set()
    cases = []
    for name, code, given in mistakes:
        family = code.rpartition("-")[0]
        marks = [pytest.mark.slow] if family in seen else []
        cases.append(pytest.param(code, given, id=name, marks=marks))
        seen.add(family)
    return cases


def only(entrypoint: str, **prod: Any) -> Callable[[Deployments], Deployments]:
    """Return a change that leaves one flow, with a `prod` environment alone."""
    environments = {"prod": Environment(work_pool="pool-prod", **prod)}
    return lambda pins: dataclasses.replace(pins, flows={entrypoint: environments})


def prod(**changes: Any) -> Callable[[Deployments], Deployments]:
    return lambda pins: with_prod(pins, **changes)


def source(url: str | None = None, **changes: Any) -> Callable[[Deployments], Deployments]:
    def change(pins: Deployments) -> Deployments:
        assert isinstance(pins.source, GitSource)
        return dataclasses.replace(
            pins, source=dataclasses.replace(pins.source, url=url or pins.source.url, **changes)
        )

    return change


def folder(path: str) -> Callable[[Deployments], Deployments]:
    return lambda pins: dataclasses.replace(pins, source=FolderSource(path))


def timezone(name: str) -> Callable[[Deployments], Deployments]:
    return lambda pins: dataclasses.replace(pins, timezone=name)


IN_THE_FILE: list[tuple[str, str, Callable[[Deployments], Deployments]]] = [
    ("a pool with a typo", "FT-POOL-01", prod(work_pool="pol-prod")),
    ("prod on the pool of dev", "FT-POOL-03", prod(work_pool="pool-dev")),
    ("an image on a pool of processes", "FT-POOL-04", prod(image="team/image:1")),
    ("a job variable with a typo", "FT-POOL-07", prod(job_variables={"working_dirr": "/srv"})),
    ("the zone as people say it", "FT-ZONE-01", timezone("America / Buenos Aires")),
    ("the zone in lower case", "FT-ZONE-01", timezone("america/argentina/buenos_aires")),
    ("UTC", "FT-ZONE-02", timezone("Etc/UTC")),
    ("another zone than pyproject.toml", "FT-ZONE-03", timezone("America/Santiago")),
    ("a cron in brackets", "FT-SCHED-01", prod(schedule="(30 1,13,17 * * *)")),
    ("a cron with an hour too many", "FT-SCHED-01", prod(schedule="30 25 * * *")),
    ("a cron with seconds", "FT-SCHED-01", prod(schedule="0 30 1 * * *")),
    ("a cron that no date matches", "FT-SCHED-01", prod(schedule="0 6 31 2 *")),
    ("an interval of seconds", "FT-SCHED-02", prod(schedule=timedelta(seconds=30))),
    ("the same cron twice", "FT-SCHED-06", prod(schedule=("0 9 * * *", "0 9 * * *"))),
    ("a parameter that the flow has not", "FT-PARAM-01", prod(parameters={"sinse": "2026-01-01"})),
    ("a parameter of another type", "FT-PARAM-02", prod(parameters={"since": "yesterday"})),
    ("a schedule without a required parameter", "FT-PARAM-03", only(f"{QUICK}:quick", schedule="0 9 * * *")),
    ("an object of Python as a parameter", "FT-PARAM-02", prod(parameters={"since": object()})),
    (
        "a parameter that is no JSON",
        "FT-PARAM-04",
        only(f"{QUICK}:quick", parameters={"day": "2026-01-01", "seconds": math.inf}),
    ),
    ("a number in env", "FT-DEPLOY-10", prod(env={"RETRIES": 3})),
    ("a password in env", "FT-ENV-02", prod(env={"DB_PASSWORD": "hunter2"})),
    ("a password inside an address in env", "FT-ENV-02", prod(env={"ERP": "mssql://ana:hunter2@erp/ventas"})),
    ("an authentication string in env", "FT-ENV-02", prod(env={"AUTH_STRING": "ana:hunter2"})),
    ("a password with more to its name in env", "FT-ENV-02", prod(env={"SMTP_PASS_MAIN": "hunter2"})),
    (
        "a secret among the parameters",
        "FT-PARAM-05",
        only(f"{QUICK}:quick", parameters={"day": "2026-01-01", "address": "ftp://ana:hunter2@erp"}),
    ),
    ("a PATH in env", "FT-ENV-03", prod(env={"PATH": "/usr/bin"})),
    ("a command of one's own", "FT-ENV-04", prod(job_variables={"command": "python -m prefect.engine"})),
    ("an image among the job variables", "FT-ENV-04", prod(job_variables={"image": "team/image:1"})),
    ("an image that is an address", "FT-IMAGE-01", prod(image="https://registry.example.com/team/flow:1")),
    ("no run at a time", "FT-DEPLOY-10", prod(concurrency_limit=0)),
    ("a strategy that Prefect has not", "FT-DEPLOY-10", prod(collision="QUEUE")),
    ("a task runner that is none", "FT-RUNNER-01", prod(task_runner="dask:10.0.0.5")),
    ("a task runner without its package", "FT-RUNNER-02", prod(task_runner="ray")),
    (
        "a block that is not there",
        "FT-BLOCK-01",
        prod(env={"API_TOKEN": "{{ prefect.blocks.secret.nowhere }}"}),
    ),
    (
        "a block of another type that is not there",
        "FT-BLOCK-01",
        prod(env={"USER": "{{ prefect.blocks.basic-auth.nowhere }}"}),
    ),
    (
        "no block for the repository's token",
        "FT-BLOCK-01",
        source(credentials_block="nobody-made-this-token"),
    ),
    ("a variable that is not there", "FT-BLOCK-02", prod(env={"REGION": "{{ prefect.variables.nowhere }}"})),
    ("an entrypoint of another form", "FT-FLOW-01", only(f"src/{PACKAGE}/flow:{PACKAGE}")),
    ("an entrypoint with no file", "FT-FLOW-02", only(f"src/{PACKAGE}/flows.py:{PACKAGE}")),
    ("a flow that cannot be imported", "FT-FLOW-03", only(f"src/{PACKAGE}/broken.py:broken")),
    ("a function that is no flow", "FT-FLOW-04", only(f"{QUICK}:no_flow")),
    ("a flow without a timeout", "FT-WATCHDOG-02", only(f"{QUICK}:no_timeout")),
    (
        "a flow that outlives the watchdog",
        "FT-WATCHDOG-02",
        lambda pins: dataclasses.replace(pins, limits=Limits(running=timedelta(minutes=5))),
    ),
    (
        "a notification block that is not there",
        "FT-WATCHDOG-04",
        lambda pins: dataclasses.replace(pins, notification=Notification("slack-webhook/nowhere")),
    ),
    ("a folder without its root", "FT-SOURCE-01", folder("flows/ventas")),
    ("a token in the address", "FT-SOURCE-02", source("https://user:ghp_secret@example.com/a/b.git")),
    ("a blank in the address", "FT-SOURCE-03", source("https://example.com/a b.git")),
    ("a branch that is an option", "FT-SOURCE-04", source(branch="--upload-pack=evil")),
    ("half a commit", "FT-SOURCE-05", source(commit="abc1234")),
    (
        "a token over plain http",
        "FT-SOURCE-06",
        source("http://git.example.com/a/b.git", credentials_block="git-token"),
    ),
    ("another repository than the remote's", "FT-GIT-05", source("https://example.com/other/repository.git")),
    ("a branch that was never pushed", "FT-GIT-07", source(branch="release")),
    ("a commit that nobody has", "FT-GIT-10", source(commit="0" * 40)),
]


@pytest.mark.parametrize(("code", "change"), first_of_each_family(IN_THE_FILE))
def test_a_mistake_in_the_file_ends_in_its_code_and_changes_nothing(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    code: str,
    change: Callable[[Deployments], Deployments],
) -> None:
    assert_refused(capsys, code, change(workshop.pins), "apply", "prod")


def assert_refused(capsys: pytest.CaptureFixture[str], code: str, pins: Deployments, *arguments: str) -> None:
    capsys.readouterr()
    with written() as requests:
        status = deploy(pins, *arguments)
    told = capsys.readouterr().err
    assert status == 1
    assert f"{code}  " in told
    assert "Traceback" not in told
    assert "ghp_secret" not in told
    assert "hunter2" not in told
    assert requests == []


# --- in git: each in a copy of the repository


def dirty(root: Path, _: Workshop) -> None:
    with (root / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("one more line\n")


def untracked(root: Path, _: Workshop) -> None:
    (root / "src" / PACKAGE / "helper.py").write_text("x = 1\n", encoding="utf-8")


def unpushed(root: Path, _: Workshop) -> None:
    git(root, "commit", "--quiet", "--allow-empty", "--message", "not pushed")


def behind(root: Path, _: Workshop) -> None:
    git(root, "commit", "--quiet", "--amend", "--message", "another history")


def merging(root: Path, _: Workshop) -> None:
    for branch in ("stock", "main"):
        git(root, "switch", "--quiet", *(["--create"] if branch == "stock" else []), branch)
        (root / "README.md").write_text(f"{branch}\n", encoding="utf-8")
        git(root, "commit", "--quiet", "--all", "--message", branch)
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "stock")


def without_git(root: Path, _: Workshop) -> None:
    remove(root / ".git")


def inside_another(root: Path, workshop: Workshop) -> None:
    without_git(root, workshop)
    git(root.parent, "init", "--quiet")
    git(root.parent, "add", "--all")
    git(root.parent, "commit", "--quiet", "--message", "all flows in one repository")


def remote_gone(root: Path, _: Workshop) -> None:
    git(root, "remote", "set-url", "origin", str(root.parent / "gone.git"))


def ignored(root: Path, _: Workshop) -> None:
    with (root / ".gitignore").open("a", encoding="utf-8") as ignore:
        ignore.write("flow.py\n")
    git(root, "rm", "--quiet", "--cached", f"src/{PACKAGE}/flow.py")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "ignore the flow")


def no_prefect(root: Path, _: Workshop) -> None:
    file = root / "pyproject.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('    "prefect>=', '    "prefect-aws>='), encoding="utf-8"
    )


IN_GIT: list[tuple[str, str, Callable[[Path, Workshop], None]]] = [
    ("a change that is not committed", "FT-GIT-04", dirty),
    ("a new file that is not committed", "FT-GIT-04", untracked),
    ("a commit that is not pushed", "FT-GIT-08", unpushed),
    ("a remote that went another way", "FT-GIT-09", behind),
    ("a merge that is not finished", "FT-GIT-17", merging),
    ("no git at all", "FT-GIT-02", without_git),
    ("a repository inside another", "FT-GIT-03", inside_another),
    ("a remote that is gone", "FT-GIT-06", remote_gone),
    ("a flow that git ignores", "FT-GIT-12", ignored),
    ("prefect is no dependency", "FT-FLOW-05", no_prefect),
]


@pytest.mark.parametrize(("code", "change"), first_of_each_family(IN_GIT))
def test_a_mistake_in_git_ends_in_its_code_and_changes_nothing(
    workshop: Workshop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    code: str,
    change: Callable[[Path, Workshop], None],
) -> None:
    root = tmp_path / "copies" / "pedidos-web"
    shutil.copytree(workshop.root, root)
    change(root, workshop)
    pins = workshop.pins
    if change is remote_gone:
        pins = dataclasses.replace(pins, source=GitSource(str(root.parent / "gone.git")))
    with inside(root):
        assert_refused(capsys, code, pins, "apply", "prod")


def test_a_token_that_does_not_read_the_repository_stops_apply(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "copies" / "pedidos-web"
    shutil.copytree(workshop.root, root)
    shutil.copytree(workshop.remote, tmp_path / "hosted" / "remote.git")
    Secret(value=SecretStr("ghp_secret")).save("withdrawn-token", overwrite=True)
    with private_git_host(tmp_path / "hosted", "ghp_valid", tmp_path) as (address, certificate):
        url = f"{address}/remote.git"
        # The developer reads it with a password of their own.
        git(root, "remote", "set-url", "origin", url)
        git(root, "config", "credential.helper", "!f() { echo username=ana; echo password=ghp_valid; }; f")
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        with inside(root):
            pins = dataclasses.replace(
                workshop.pins, source=GitSource(url, credentials_block="withdrawn-token")
            )
            assert_refused(capsys, "FT-GIT-13", pins, "apply", "prod")


@pytest.mark.slow
def test_a_new_flow_that_is_not_committed_is_not_said_to_be_ignored(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "copies" / "pedidos-web"
    shutil.copytree(workshop.root, root)
    git(root, "rm", "--quiet", "--cached", f"src/{PACKAGE}/flow.py")
    with inside(root):
        assert deploy(workshop.pins, "plan", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-GIT-04  " in told
    assert "FT-GIT-12  " not in told


@pytest.mark.slow
def test_source_that_is_not_the_pinned_commits_is_refused(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "copies" / "pedidos-web"
    shutil.copytree(workshop.root, root)
    pinned = git(root, "rev-parse", "HEAD")
    (root / "src" / PACKAGE / "helper.py").write_text("x = 1\n", encoding="utf-8")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "went on")
    pins = source(commit=pinned)(workshop.pins)
    with inside(root):
        assert_refused(capsys, "FT-GIT-11", pins, "apply", "prod")


def test_a_machine_without_git_is_told(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(capsys, "FT-GIT-01", workshop.pins, "apply", "prod")


# --- on the server


@contextlib.contextmanager
def paused_pool(workshop: Workshop) -> Iterator[None]:
    workshop.client.update_work_pool("pool-prod", WorkPoolUpdate(is_paused=True))
    try:
        yield
    finally:
        workshop.client.update_work_pool("pool-prod", WorkPoolUpdate(is_paused=False))


@pytest.mark.slow
def test_a_pool_that_someone_paused_is_named(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    with paused_pool(workshop):
        assert_refused(capsys, "FT-POOL-02", workshop.pins, "apply", "prod")


@pytest.fixture
def schedule_by_hand(workshop: Workshop) -> Iterator[Deployments]:
    """A deployment of its own with a schedule that someone made in the interface, in UTC."""
    change = only(f"{QUICK}:quick", schedule="0 8 * * *", parameters={"day": "2026-01-01"})
    pins = change(workshop.pins)
    assert deploy(pins, "apply", "prod") == 0
    deployment_id = workshop.client.read_deployment_by_name("quick/quick-prod").id
    by_hand = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 9 * * *", timezone="UTC"), active=False)
    workshop.client.create_deployment_schedules(deployment_id, [by_hand])
    yield pins
    assert deploy(pins, "retire", "prod", "--yes") == 0


def test_a_schedule_made_by_hand_stops_apply_and_is_not_adopted_in_another_zone(
    capsys: pytest.CaptureFixture[str], schedule_by_hand: Deployments
) -> None:
    assert_refused(capsys, "FT-SCHED-03", schedule_by_hand, "apply", "prod")
    assert_refused(capsys, "FT-SCHED-04", schedule_by_hand, "apply", "prod", "--adopt")


# --- between here and the server


def version(number: str) -> Callable[[str, str], Answer | None]:
    return lambda _, path: Answer(200, f'"{number}"'.encode()) if path.endswith("/admin/version") else None


def test_a_server_that_is_off_is_named(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{support.free_port()}/api"
    with pointing_at(f"{url}/"):
        assert deploy(workshop.pins, "apply", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-SERVER-03  " in told
    assert f" {url}/health " in told


def test_the_address_to_open_in_a_browser_shows_true_without_a_password(workshop: Workshop) -> None:
    assert httpx.get(f"{workshop.server.url}/health").text == "true"


@pytest.mark.slow
def test_a_server_that_never_answers_is_named_within_its_time(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_server, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with pointing_at(url):
            assert deploy(workshop.pins, "apply", "prod") == 1
    assert "FT-SERVER-04  " in capsys.readouterr().err


def test_a_wrong_password_is_named_and_not_shown(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pointing_at(workshop.server.url, password="admin:wrong horse"):  # noqa: S106
        assert deploy(workshop.pins, "apply", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-SERVER-05  " in told
    assert "wrong horse" not in told


UNUSABLE: list[tuple[str, str, Callable[[str, str], Answer | None]]] = [
    # Simulated: one older server is started for real, below.
    ("a server of Prefect 2", "FT-SERVER-07", version("2.20.1")),
    ("the address of the web interface", "FT-SERVER-06", lambda *_: Answer(200, b"<html>", "text/html")),
    ("the address of something else", "FT-SERVER-06", lambda *_: Answer(404, b"not found")),
    (
        "a program with passwords",
        "FT-SERVER-06",
        lambda _, path: Answer(404 if "health" in path else 401, b""),
    ),
    ("a proxy that asks for a password", "FT-SERVER-05", lambda *_: Answer(401, b"")),
    (
        "a proxy that hides the version",
        "FT-SERVER-08",
        lambda _, path: Answer(404, b"") if "admin" in path else None,
    ),
    ("a server in trouble", "FT-SERVER-08", lambda *_: Answer(500, b"database is locked")),
]


@pytest.mark.parametrize(("code", "rule"), first_of_each_family(UNUSABLE))
def test_a_server_that_cannot_be_used_ends_in_its_code_and_changes_nothing(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    code: str,
    rule: Callable[[str, str], Answer | None],
) -> None:
    with proxy(workshop.server.url, rule) as (url, _), pointing_at(url), written() as requests:
        assert deploy(workshop.pins, "apply", "prod") == 1
    assert f"{code}  " in capsys.readouterr().err
    assert requests == []


@pytest.mark.slow
@pytest.mark.parametrize("older", ["3.8.8"])
def test_an_older_server_is_told_of_deployed_to_rolled_back_and_seen_in_the_fleet(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], older: str
) -> None:
    # Its own time's: it asks for no upper bounds, and answers no request with the newest.
    packages = [f"prefect=={older}", "fastapi<0.151", "sqlalchemy<2.1"]
    prefect = ["uv", "tool", "run", *(f"--with={one}" for one in packages), "prefect"]
    with (
        support.prefect_server(tmp_path, prefect=prefect, PYTHONDONTWRITEBYTECODE="") as running,
        SyncPrefectClient(running.url) as client,
        pointing_at(running.url),
    ):
        client.create_work_pool(WorkPoolCreate(name="pool-prod", type="process"))
        assert deploy(workshop.pins, "apply", "prod") == 0
        told = capsys.readouterr().err
        assert f"FT-SERVER-10  El servidor en {running.url} es Prefect {older}" in told
        assert deploy(workshop.pins, "plan", "prod") == 0
        commit = git(workshop.root, "rev-parse", "HEAD")
        assert deploy(workshop.pins, "rollback", "prod", "--to", commit) == 0
        capsys.readouterr()
        assert cli.run(["fleet", "--json"]) == 0
        [row] = json.loads(capsys.readouterr().out)["deployments"]
        assert row["pinned"]["commit"] == commit
        assert deploy(workshop.pins, "apply", "prod", "--forward") == 0
        assert deploy(workshop.pins, "retire", "prod", "--yes") == 0
        assert client.read_deployments() == []


# An address that is not loopback's, which the kernel answers from this machine.
ELSEWHERE = "0.0.0.0"  # noqa: S104 - not listened at, called


@pytest.mark.slow
@not_on_windows("nothing is called at 0.0.0.0")
def test_plan_and_doctor_warn_of_a_server_that_anyone_may_use_and_go_on(
    workshop: Workshop, server: support.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.url.replace("127.0.0.1", ELSEWHERE)
    with SyncPrefectClient(server.url) as client, pointing_at(url):
        client.create_work_pool(WorkPoolCreate(name="pool-prod", type="process"), overwrite=True)
        assert deploy(workshop.pins, "plan", "prod") == 2
        assert f"FT-SERVER-12  El servidor en {url}" in capsys.readouterr().err
        deploy(workshop.pins, "doctor", "prod")
        told = capsys.readouterr()
        assert "FT-SERVER-12" in told.out + told.err
        deploy(workshop.pins, "plan", "dev")
        assert "FT-SERVER-12" not in capsys.readouterr().err
    with pointing_at(server.url):
        deploy(workshop.pins, "plan", "prod")
        assert "FT-SERVER-12" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cron", "warned"),
    [
        ("0 8 1-7 * 1", "FT-SCHED-07  El horario «0 8 1-7 * 1» limita el día del mes y también"),
        ("* 8 * * *", "FT-SCHED-08  El horario «* 8 * * *»"),
        ("0 8 * * mon#1", None),
        ("*/15 8 1 * *", None),
    ],
)
def test_plan_warns_of_a_cron_that_says_more_than_is_meant_and_goes_on(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], cron: str, warned: str | None
) -> None:
    assert deploy(with_prod(workshop.pins, schedule=cron), "plan", "prod") == 2
    told = capsys.readouterr().err
    assert warned in told if warned else "FT-SCHED" not in told


@pytest.mark.slow
@not_on_windows("nothing is called at 0.0.0.0")
def test_nothing_is_warned_of_where_the_server_asks_for_a_password(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pointing_at(workshop.server.url.replace("127.0.0.1", ELSEWHERE)):
        assert deploy(workshop.pins, "plan", "prod") != 1
    assert "FT-SERVER-12" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "url"),
    [
        pytest.param("FT-SERVER-02", "http://127.0.0.1:4200", id="an address without its api"),
        pytest.param("FT-SERVER-02", "localhost:4200/api", id="an address without http"),
        pytest.param("FT-SERVER-09", None, id="no address"),
    ],
)
def test_a_missing_or_wrong_address_is_named_and_no_temporary_server_is_started(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], code: str, url: str | None
) -> None:
    with temporary_settings({PREFECT_API_URL: url}):
        assert deploy(workshop.pins, "apply", "prod") == 1
    assert f"{code}  " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "shown"),
    [
        (PREFECT_API_KEY, "pnu_hidden\r", False),
        (PREFECT_API_KEY, "pnu_hídden", False),
        (PREFECT_API_SSL_CERT_FILE, "/nowhere/hidden.pem", True),
        (PREFECT_API_SSL_CERT_FILE, __file__, True),
    ],
    ids=["a key with a line end", "a key with an accent", "no certificate", "a file that is none"],
)
def test_a_key_or_a_certificate_that_cannot_be_used_is_named_and_no_key_is_shown(
    capsys: pytest.CaptureFixture[str], workshop: Workshop, setting: Any, value: str, *, shown: bool
) -> None:
    with temporary_settings({setting: value}):
        assert deploy(workshop.pins, "status") == 1
    told = capsys.readouterr().err
    assert told.startswith(f"FT-SERVER-13  Lo que dice {setting.name} no sirve: ")
    assert (value in told) is shown
    assert ("hidden" in told) is (shown and "hidden" in value)


def test_a_request_that_fails_between_two_writes_says_what_was_written_and_the_same_command_goes_on(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = with_prod(workshop.pins, work_pool="spare-prod")
    flows = {f"{QUICK}:quick": {"prod": Environment(work_pool="spare-prod")}}
    pins = dataclasses.replace(workshop.pins, flows=flows)

    def no_automations(method: str, path: str) -> Answer | None:
        return Answer(500, b"disk full") if (method, path) == ("POST", "/api/automations/") else None

    with proxy(workshop.server.url, no_automations) as (url, _), pointing_at(url):
        assert deploy(pins, "apply", "prod") == 1
    told = capsys.readouterr().err
    assert "FT-DEPLOY-05  " in told
    assert "disk full" in told
    try:
        assert deploy(pins, "apply", "prod") == 0
        assert deploy(pins, "plan", "prod") == 0
    finally:
        assert deploy(pins, "retire", "prod", "--yes") == 0


# --- on the command line


ON_THE_COMMAND_LINE = [
    ("a command with a typo", "FT-ARGS-01", ["aply", "prod"]),
    ("no environment", "FT-ARGS-01", ["apply"]),
    ("an option with a typo", "FT-ARGS-01", ["apply", "prod", "--addopt"]),
    ("two options that exclude each other", "FT-ARGS-01", ["apply", "prod", "--adopt", "--remove"]),
    ("an environment with a typo", "FT-DEPLOY-01", ["apply", "prd"]),
    ("a deployment that is not there", "FT-DEPLOY-01", ["retire", "pedidos-web-old", "--yes"]),
    ("a flow with a typo", "FT-DEPLOY-02", ["apply", "prod", "--flow", "pedidos"]),
    ("retiring with nobody to ask", "FT-ARGS-03", ["retire", "prod"]),
    ("running what is not deployed", "FT-DEPLOY-07", ["run", "dev"]),
    ("retiring what is not deployed", "FT-DEPLOY-07", ["retire", "dev", "--yes"]),
    ("running with a parameter that is not there", "FT-ARGS-01", ["run", "prod", "--sinse", "x"]),
    ("running with a parameter of another type", "FT-ARGS-02", ["run", "prod", "--since", "x"]),
]


@pytest.mark.parametrize(("code", "arguments"), first_of_each_family(ON_THE_COMMAND_LINE))
def test_a_mistake_on_the_command_line_ends_in_its_code_and_changes_nothing(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], code: str, arguments: list[str]
) -> None:
    assert_refused(capsys, code, workshop.pins, *arguments)


# --- the catalogue itself


def test_several_mistakes_are_told_at_once(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    pins = with_prod(workshop.pins, work_pool="pol-prod", schedule="daily", env={"PATH": "/usr/bin"})
    assert deploy(dataclasses.replace(pins, timezone="Buenos Aires"), "apply", "prod") == 1
    told = capsys.readouterr().err
    assert all(code in told for code in ("FT-POOL-01", "FT-SCHED-01", "FT-ENV-03", "FT-ZONE-01"))


def test_a_typo_names_what_was_meant(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    pins = with_prod(workshop.pins, work_pool="pol-prod", parameters={"sinse": 1})
    deploy(dataclasses.replace(pins, timezone="America / Buenos Aires"), "apply", "prod")
    told = capsys.readouterr().err
    assert "¿Quisiste decir pool-prod?" in told
    assert "¿Quisiste decir since?" in told
    assert f"¿Quisiste decir {TIMEZONE}?" in told


def test_no_pool_of_another_environment_is_suggested(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    change = {FLOW: {"test": Environment(work_pool="pool-test")}}
    assert deploy(dataclasses.replace(workshop.pins, flows=change), "apply", "test") == 1
    assert "FT-POOL-01  El work pool «pool-test» no existe. Hay: pool-dev, " in capsys.readouterr().err


@pytest.mark.slow
def test_where_nothing_is_near_what_was_written_nothing_is_asked(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(dataclasses.replace(workshop.pins, timezone="localtime"), "apply", "prod")
    assert "FT-ZONE-01  «localtime» no es una zona horaria.\n" in capsys.readouterr().err


@pytest.mark.slow
def test_running_one_of_several_flows_without_its_name_lists_them(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (environments,) = workshop.pins.flows.values()
    flows = {**workshop.pins.flows, f"src/{PACKAGE}/quick.py:quick": environments}
    assert deploy(dataclasses.replace(workshop.pins, flows=flows), "run", "prod") == 1
    assert "falta --flow con uno de: pedidos-web, quick\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["run", "prod"], "el comando lo necesita"),
        (["rollback", "prod", "--run"], "el comando lo necesita"),
        (["apply"], "el comando lo necesita"),
        (["plan", "prod", "--activate", "--pause"], "vale uno solo de los dos"),
        (["apply", "prod", "--adopt", "--remove"], "vale uno solo de los dos"),
        (["rollback", "prod", "--rum"], "un nombre mal escrito"),
        (["status", "prod"], "un nombre mal escrito"),
    ],
)
def test_a_wrong_command_line_says_why_that_is_refused_and_names_the_help_of_the_command_typed(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    (environments,) = workshop.pins.flows.values()
    pins = dataclasses.replace(workshop.pins, flows={**workshop.pins.flows, f"{QUICK}:quick": environments})
    assert deploy(pins, *arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith("FT-ARGS-01")
    assert f"Por qué: {why}" in told
    assert told.endswith(f"uv run deploy.py {arguments[0]} --help\n")


def test_the_flow_of_the_catalogue_is_the_generated_one(workshop: Workshop) -> None:
    assert list(workshop.pins.flows) == [FLOW]
    assert project.current().slug == "pedidos-web"
