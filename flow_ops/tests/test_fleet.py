"""The fleet: what is read of a server, how it is sorted and filtered, and what is said to need a person."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.orchestration import SyncPrefectClient

from flow_ops import cli
from flow_ops.deploy import source
from flow_ops.deployment import FolderSource, GitSource
from flow_ops.fleet import gather, problems
from helpers import fleet
from helpers.repositories import TIMEZONE
from helpers.support import not_on_windows
from helpers.workshop import Answer, Workshop, pointing_at, proxy

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.support import Server


@pytest.fixture(scope="module")
def said_of_nothing(server: Server) -> str:
    """What the command says of a server on which no repository of ours has deployed, and it ends with 1."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said), pointing_at(server.url, ""):
        patch.setenv("FLOW_LANGUAGE", "en")
        assert cli.run(["fleet"]) == 1
    return said.getvalue()


@pytest.fixture(scope="module")
def on(server: Server, said_of_nothing: str) -> Iterator[SyncPrefectClient]:
    """A server with the fleet."""
    assert said_of_nothing
    three = fleet.Made("any").runs
    # Of the others, what their runs did is not looked at: one will do.
    made = [dataclasses.replace(one, runs=one.runs[:1]) if one.runs == three else one for one in fleet.FLEET]
    with SyncPrefectClient(server.url) as client, pointing_at(server.url, ""):
        fleet.make_all(client, made)
        yield client


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOW_LANGUAGE", "en")


def shown(capsys: pytest.CaptureFixture[str], *options: str, status: int = 0) -> dict[str, Any]:
    """Return the deployments of `--json`, in their order, by name."""
    capsys.readouterr()
    assert cli.run(["fleet", "--json", *options]) == status
    document = json.loads(capsys.readouterr().out)
    return {row["deployment"].partition("/")[2]: row for row in document["deployments"]}


def codes(row: dict[str, Any]) -> list[str]:
    return [problem["code"].removeprefix("FT-FLEET-") for problem in row["problems"]]


@pytest.mark.usefixtures("on")
def test_each_deployment_of_these_repositories_is_shown_with_what_is_wrong_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = shown(capsys)
    assert {name: codes(row) for name, row in rows.items()} == {
        "sin-pool-prod": ["01"],
        "sin-worker-prod": ["02"],
        "caido-prod": ["03", "04"],
        "roto-prod": ["03"],
        "gemelo-prod": ["06"],
        "gemelo-dev": ["06"],
        "sin-vigilar-prod": ["07"],
        "universal-prod": ["08"],
        "viejo-prod": ["09", "12"],
        "pausado-prod": ["10"],
        "fijo-prod": ["11"],
        "bien-prod": [],
        "bien-carpeta-prod": [],
        "en-desarrollo-dev": [],
    }


@pytest.mark.usefixtures("on")
def test_what_needs_a_person_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(capsys)
    assert list(rows)[:2] == ["sin-pool-prod", "sin-worker-prod"]
    needed = [row["needs_a_person"] for row in rows.values()]
    assert needed == sorted(needed, reverse=True)
    assert needed.count(True) == 8


@pytest.mark.usefixtures("on")
def test_a_row_has_what_a_platform_team_asks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = shown(capsys)
    well = rows["bien-prod"]
    assert (well["repository"], well["area"], well["environment"]) == ("bien", "ventas", "prod")
    assert (well["work_pool"], well["workers_online"]) == ("ventas-prod", 1)
    assert well["schedules"] == [{"schedule": f"30 1,13,17 * * * ({fleet.ZONE})", "active": True}]
    assert well["next_run"]
    assert well["last_run"]["state"] == "Completed"
    assert well["last_runs"] == {"total": 20, "completed": 20, "bar": "+" * 20}
    assert (well["flow_ops"], well["watchdog_missing"], well["lock"]) == ("2.0.0", [], "0123abcd")
    assert well["commit"] == fleet.COMMIT
    assert rows["roto-prod"]["last_runs"]["bar"] == "++x"
    assert rows["fijo-prod"]["pinned"] == {"commit": fleet.COMMIT, "since": "2026-11-20T10:00:00+00:00"}
    assert rows["pausado-prod"]["next_run"] is None
    assert rows["en-desarrollo-dev"]["next_run"] is None
    assert rows["sin-vigilar-prod"]["watchdog_missing"] == [*("running", "late", "pending", "heartbeat")]


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--area", "compras"], ["sin-worker-prod"]),
        (["--environment", "dev"], ["gemelo-dev", "en-desarrollo-dev"]),
        (["--outdated"], ["viejo-prod"]),
        (["--failing"], ["caido-prod", "roto-prod"]),
        (["--failing", "--area", "compras"], []),
    ],
)
def test_a_filter_leaves_those_that_pass_it(
    options: list[str], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(shown(capsys, *options)) == names


@pytest.mark.usefixtures("on")
def test_a_check_ends_with_2_where_a_person_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    shown(capsys, "--check", status=2)
    shown(capsys, "--check", "--outdated")


@pytest.mark.usefixtures("on")
def test_the_table_says_each_kind_of_problem_once_and_how_many_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["fleet"]) == 0
    said = capsys.readouterr().out
    [row] = [line for line in said.splitlines() if "  roto-prod  " in line]
    assert "Failed" in row
    assert "2/3 ++x" in row
    assert said.count("FT-FLEET-03  ") == 2
    assert "rollback prod --flow roto\n" in said
    assert said.count("what the flow had to do was not done") == 1
    assert "deployments: 14, repositories: 13; " in said
    assert "need attention: 8; worth knowing: 3." in said


@pytest.mark.usefixtures("on")
def test_a_release_that_is_known_to_break_needs_a_person(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(problems.BREAKS, "1.0.0", "its logs are lost")
    row = shown(capsys)["viejo-prod"]
    assert codes(row) == ["05", "12"]
    assert "its logs are lost" in row["problems"][0]["text"]


@pytest.mark.usefixtures("on")
def test_an_area_that_nobody_has_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fleet", "--area", "compra"]) == 1
    said = capsys.readouterr().err
    assert "FT-FLEET-14" in said
    assert "Did you mean compras? There are: compras, ventas." in said


def test_it_reads_alone_and_asks_no_more_often_for_more_repositories(
    on: SyncPrefectClient, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked() -> list[str]:
        with proxy(server.url, lambda *_: None) as (url, requests), pointing_at(url, ""):
            shown(capsys)
        return list(requests)

    before = asked()
    for number in range(2):
        fleet.make(on, fleet.Made(f"otro-{number}", runs=[fleet.OK]))
    after = asked()
    assert len(after) == len(before)
    assert [one for one in after if not one.startswith(("GET", "POST"))] == []
    assert [one for one in after if one.startswith("POST") and not one.endswith("/filter")] == []
    for number in range(2):
        name = f"otro-{number}"
        on.delete_deployment(on.read_deployment_by_name(f"{name}/{name}-prod").id)


def test_a_server_that_has_no_automations_is_told_and_the_rest_is_shown(
    on: SyncPrefectClient, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: str, path: str) -> Answer | None:
        return Answer(404, b"{}") if "/automations" in path else None

    with proxy(server.url, refuse) as (url, _), pointing_at(url, ""):
        assert cli.run(["fleet"]) == 0
    told = capsys.readouterr()
    assert "FT-WATCHDOG-06" in told.err
    assert "FT-FLEET-07" not in told.out
    assert on.api_url


def test_a_deployment_made_again_is_not_watched_by_the_rules_of_the_one_before(
    on: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    one = fleet.Made("rehecho")
    on.delete_deployment(fleet.make(on, one))
    again = fleet.make(on, dataclasses.replace(one, watched=False))
    assert codes(shown(capsys)["rehecho-prod"]) == ["07"]
    on.delete_deployment(again)


def test_it_needs_no_repository(
    on: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOW_PROJECT_ROOT", raising=False)
    assert shown(capsys)
    assert on.api_url


# --- what is in the way


def test_a_server_without_any_such_repository_is_told(said_of_nothing: str) -> None:
    assert "FT-FLEET-13" in said_of_nothing


def test_no_server_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pointing_at("http://127.0.0.1:1/api", ""):
        assert cli.run(["fleet"]) == 1
    assert "FT-SERVER-03" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path", ["/api/deployments/filter", "/api/automations/filter", "/api/flow_runs/filter"]
)
def test_no_permission_is_told(
    on: SyncPrefectClient, server: Server, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: str, asked: str) -> Answer | None:
        return Answer(403, b"{}") if asked == path else None

    with proxy(server.url, refuse) as (url, _), pointing_at(url, ""):
        assert cli.run(["fleet"]) == 1
    assert "FT-SERVER-05" in capsys.readouterr().err
    assert on.api_url


# --- what deploy.py leaves is what the fleet reads


@pytest.mark.slow
def test_what_deploy_py_leaves_is_read(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    from helpers.workshop import deploy  # noqa: PLC0415

    assert deploy(workshop.pins, "apply", "prod") == 0
    [row] = shown(capsys).values()
    assert (row["repository"], row["environment"], row["area"]) == ("pedidos-web", "prod", "general")
    assert row["flow_ops"] == "2.0.0"
    assert len(row["lock"]) == 8
    assert row["source"] == workshop.remote.as_posix()
    # Whether a worker is online is not deploy.py's.
    assert [code for code in codes(row) if code != "02"] == []


@pytest.mark.slow
def test_a_deployment_without_a_schedule_is_shown_in_the_hours_of_the_fleet(workshop: Workshop) -> None:
    from helpers.workshop import deploy  # noqa: PLC0415

    assert deploy(workshop.pins, "apply", "dev") == 0
    found = gather.gather(workshop.client)
    assert deploy(workshop.pins, "retire", "dev", "--yes") == 0
    (row,) = (row for row in found.rows if row.environment == "dev")
    assert row.schedules == []
    assert row.zone == found.zone.key == TIMEZONE


@pytest.mark.parametrize(
    "given",
    [
        GitSource("https://git.example.com/a.git"),
        GitSource("https://git.example.com/a.git", branch="release/1"),
        GitSource("https://git.example.com/a.git", credentials_block="git-token"),
        GitSource("https://bitbucket.org/a.git", branch="dev", credentials_block="git-token"),
        GitSource("https://git.example.com/a.git", commit=fleet.COMMIT),
        GitSource("https://git.example.com/a.git", commit=fleet.COMMIT, credentials_block="git-token"),
        FolderSource("C:\\flujos\\a"),
    ],
)
def test_a_source_is_read_from_its_steps(given: GitSource | FolderSource) -> None:
    assert source.read(source.pull_steps(given)) == given


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [
            {
                "prefect.deployments.steps.git_clone": {
                    "repository": "https://a",
                    "branch": "b",
                    "access_token": "c",
                }
            }
        ],
        [{"prefect.deployments.steps.run_shell_script": {"script": "curl https://a"}}],
        [{"prefect.deployments.steps.run_shell_script": None}],
        [{"prefect_aws.deployments.steps.pull_from_s3": {"bucket": "a"}}],
    ],
)
def test_steps_that_others_made_are_not_taken_for_ours(steps: list[dict[str, Any]]) -> None:
    assert source.read(steps) is None


@pytest.fixture
def there(on: SyncPrefectClient, server: Server) -> Iterator[SyncPrefectClient]:
    """The fleet, pointed at again after a test that stood elsewhere."""
    with pointing_at(server.url, ""):
        yield on


@pytest.mark.usefixtures("there")
def test_a_page_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fleet", "--html", str(tmp_path / "no" / "page.html")]) == 1
    assert "FT-FLEET-15" in capsys.readouterr().err
    assert cli.run(["fleet", "--html", str(tmp_path / "page.html"), "--check"]) == 2
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", ["", "."])
def test_a_folder_is_no_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["fleet", "--html", name]) == 1
    assert "FT-FLEET-15" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("there")
@not_on_windows("links, pipes and modes are others")
def test_a_link_its_mode_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    page, link, pipe = tmp_path / "page.html", tmp_path / "link", tmp_path / "pipe"
    page.touch()
    page.chmod(0o640)
    link.symlink_to(page)
    os.mkfifo(pipe)
    assert cli.run(["fleet", "--html", str(link)]) == 0
    assert link.is_symlink()
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o640
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text, encoding="utf-8")
        assert cli.run(["fleet", "--html", str(pipe)]) == 0
        assert read.result(60).startswith("<!doctype html>")
    assert pipe.is_fifo()


@pytest.mark.usefixtures("there")
@not_on_windows("it has no limits")
def test_the_page_that_was_there_is_kept_where_the_new_one_cannot_be_written_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("yesterday's", encoding="utf-8")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # The limit holds for compiled files too.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))  # as a disk that is full half-way
    try:
        assert cli.run(["fleet", "--html", str(page)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "FT-FLEET-15" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "yesterday's"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.usefixtures("there")
def test_json_is_all_of_the_output_where_a_page_is_written_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["fleet", "--json", "--html", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["deployments"]
    assert "page.html" in said.err


def test_names_that_command_a_terminal_are_shown_as_text(
    there: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    flow_id = there.create_flow_from_name("mal\x1b[2J\nnombre")
    one = there.create_deployment(flow_id, name="d\x1b]0;HACK\x07", tags=["repository:x"], version="\x1b[2J")
    assert cli.run(["fleet"]) == 0
    said = capsys.readouterr().out
    there.delete_deployment(one)
    assert "\x1b" not in said
    assert r"d\x1b]0;HACK\x07" in said
    assert r"mal\x1b[2J\nnombre" in said


def test_a_cron_that_never_fires_and_a_tag_that_commands_a_terminal_harm_nobody(
    there: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    one = fleet.make(there, fleet.Made("raro", area="\x1b[2Jventas", cron="0 0 31 2 *", watched=False))
    rows = shown(capsys)
    assert cli.run(["fleet"]) == 0
    said = capsys.readouterr().out
    there.delete_deployment(one)
    assert rows["raro-prod"]["next_run"] is None
    assert len(rows) > 1
    assert "\x1b" not in said
    assert r"\x1b[2Jventas" in said


@pytest.mark.usefixtures("there")
def test_a_terminal_of_80_columns_shows_whole_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["fleet"]) == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    table = lines[: next(number for number, line in enumerate(lines) if line.startswith("FT-"))]
    assert [one.name for one in fleet.FLEET if not any(one.name in line for line in table)] == []
    assert max(map(len, table)) <= 80
    assert "All columns: on a wider terminal, with --html FILE or with --json." in lines


def test_the_page_names_each_deployment_and_shows_what_others_have_written_as_text(
    on: SyncPrefectClient, server: Server, tmp_path: Path
) -> None:
    one = fleet.make(on, fleet.Made("malo", area="<img src=x onerror=document.title='run'>", watched=False))
    with pointing_at(server.url, ""):
        assert cli.run(["fleet", "--html", str(tmp_path / "page.html")]) == 0
    on.delete_deployment(one)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert [each.name for each in (*fleet.FLEET, fleet.Made("malo")) if each.name not in page] == []
    assert "&lt;img src=x" in page
    assert "<img" not in page
