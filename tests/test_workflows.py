"""The workflows of generated repositories and of the template: pinned, without rights, and plain."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.support import not_on_windows
from tests.conftest import TEMPLATE

GENERATED = "{{cookiecutter.flow_slug}}"
THEIRS = TEMPLATE / GENERATED / ".github" / "workflows"
OURS = TEMPLATE / ".github" / "workflows"
FILES = sorted([*THEIRS.glob("*.yml"), *OURS.glob("*.yml")])
NAMES = [file.relative_to(TEMPLATE).as_posix().replace(GENERATED, "generated") for file in FILES]
SCRIPTS = Path(sys.executable).parent

every_workflow = pytest.mark.parametrize("file", FILES, ids=NAMES)


def read(file: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def triggers(file: Path) -> dict[str, Any]:
    on = read(file)[True]  # YAML 1.1 reads the key `on` as a truth value
    return dict(on)


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def checked(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflows_are_those_that_the_readme_promises() -> None:
    assert {file.name for file in THEIRS.iterdir()} == {"test.yml", "deploy.yml", "template.yml"}
    assert {file.name for file in OURS.iterdir()} == {"ci.yml", "weekly.yml"}


def test_zizmor_finds_nothing() -> None:
    checked(SCRIPTS / "zizmor", "--offline", "--quiet", "--persona", "pedantic", *FILES)


def test_the_workflows_are_valid_for_github() -> None:
    checked(SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    checked(
        SCRIPTS / "check-jsonschema",
        "--builtin-schema",
        "vendor.dependabot",
        OURS.with_name("dependabot.yml"),
        THEIRS.with_name("dependabot.yml"),
    )


def test_actionlint_finds_nothing() -> None:
    # The labels of a team's own runners, of which it cannot know.
    checked("actionlint", "-ignore", 'label "(dev|prod)" is unknown', *FILES)


@every_workflow
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(file: Path) -> None:
    used = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_an_action_has_the_same_pin_everywhere() -> None:
    used = {each for file in FILES for each in re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))}
    assert len({each.partition("@")[0] for each in used}) == len(used)


@every_workflow
def test_a_job_may_read_the_code_and_nothing_else(file: Path) -> None:
    assert read(file)["permissions"] == {}
    # The one job that opens a pull request.
    writing = {("template.yml", "library"): {"contents": "write", "pull-requests": "write"}}
    for name, job in read(file)["jobs"].items():
        assert job["permissions"] == writing.get((file.name, name), {"contents": "read"}), name


@every_workflow
def test_a_job_is_a_few_plain_commands_and_ends(file: Path) -> None:
    for name, job in read(file)["jobs"].items():
        assert 1 <= len(commands(job)) <= 4, name
        assert all("\n" not in command for command in commands(job)), name
        assert job["timeout-minutes"] <= 90, name


# --- generated repositories


def test_a_repository_has_the_workflows_unrendered(repository: Path) -> None:
    for file in THEIRS.iterdir():
        assert (repository / ".github" / "workflows" / file.name).read_bytes() == file.read_bytes()


def test_the_tests_run_on_linux_and_windows_and_end_to_end_on_linux() -> None:
    jobs = read(THEIRS / "test.yml")["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["os"] == ["ubuntu-latest", "windows-latest"]
    checks = ["uv run ruff check", "uv run ruff format --check", "uv run mypy", "uv run pytest -m e2e"]
    assert (jobs["checks"]["runs-on"], commands(jobs["checks"])) == ("ubuntu-latest", checks)


def test_a_person_chooses_the_environment_and_nothing_deploys_by_itself() -> None:
    on = triggers(THEIRS / "deploy.yml")
    assert list(on) == ["workflow_dispatch"]
    assert on["workflow_dispatch"]["inputs"]["environment"]["options"] == ["dev", "prod"]


def test_each_environment_has_its_own_runner_secrets_and_queue_and_a_feature_branch_reaches_none() -> None:
    deploy = read(THEIRS / "deploy.yml")
    job = deploy["jobs"]["deploy"]
    chosen = "${{ inputs.environment }}"
    assert (job["environment"], job["runs-on"]) == (chosen, ["self-hosted", chosen])
    assert deploy["concurrency"] == {"group": f"deploy-{chosen}", "cancel-in-progress": False}
    assert re.findall(r"refs/heads/([\w-]+)", job["if"]) == ["main", "release"]


def test_a_deployment_is_planned_before_it_is_applied() -> None:
    assert commands(read(THEIRS / "deploy.yml")["jobs"]["deploy"]) == [
        "uv sync",
        'uv run deploy.py plan "$ENVIRONMENT" || [ $? -eq 2 ]',
        'uv run deploy.py apply "$ENVIRONMENT"',
    ]


def test_only_the_steps_that_talk_to_the_server_know_its_password() -> None:
    deploy = read(THEIRS / "deploy.yml")
    assert "env" not in deploy
    for job in deploy["jobs"].values():
        assert "env" not in job
        for step in job["steps"]:
            assert ("PREFECT_API_AUTH_STRING" in str(step)) == ("deploy.py" in step.get("run", ""))


def test_the_template_is_compared_weekly_and_a_newer_library_is_tested_before_it_is_proposed() -> None:
    template = read(THEIRS / "template.yml")
    (schedule,) = triggers(THEIRS / "template.yml")["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    assert commands(template["jobs"]["check"]) == ["uv run flow-ops update check"]
    # What the last command does is seen in test_library_updates.py.
    assert commands(template["jobs"]["library"])[:-1] == [
        "uv run flow-ops update library",
        'git diff --quiet || uv run pytest -m "not e2e"',
    ]


def test_only_the_last_step_of_the_job_that_writes_has_its_token() -> None:
    *others, last = read(THEIRS / "template.yml")["jobs"]["library"]["steps"]
    assert last["env"]["GH_TOKEN"] == "${{ github.token }}"  # noqa: S105 - an expression of GitHub
    assert "github.token" not in str(others)
    assert others[0]["with"] == {"persist-credentials": False}


def test_a_library_from_an_index_is_among_what_dependabot_proposes_each_week() -> None:
    (updates,) = read(THEIRS.with_name("dependabot.yml"))["updates"]
    assert (updates["package-ecosystem"], updates["directory"]) == ("uv", "/")
    assert updates["schedule"] == {"interval": "weekly"}
    assert updates["groups"] == {"libraries": {"patterns": ["*"]}}
    assert "ignore" not in updates


# --- the template


def test_dependabot_proposes_actions_wherever_workflows_are_each_week() -> None:
    (updates,) = read(OURS.with_name("dependabot.yml"))["updates"]
    assert updates["package-ecosystem"] == "github-actions"
    assert updates["directories"] == ["/", f"/{GENERATED}/.github/workflows"]
    assert updates["schedule"] == {"interval": "weekly"}


def test_every_supported_python_is_tested() -> None:
    pythons = read(OURS / "ci.yml")["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]
    for file in (TEMPLATE / "pyproject.toml", TEMPLATE / GENERATED / "pyproject.toml"):
        assert 'requires-python = ">=3.11"' in file.read_text(encoding="utf-8")


@not_on_windows("the weekly job runs on Linux, with its sed")
def test_the_weekly_job_lifts_every_upper_bound(tmp_path: Path) -> None:
    names = ("pyproject.toml", "flow_ops/pyproject.toml", f"{GENERATED}/pyproject.toml")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(TEMPLATE / name, tmp_path / name)
    lift, *_ = commands(read(OURS / "weekly.yml")["jobs"]["without-bounds"])
    subprocess.run(["bash", "-c", lift], cwd=tmp_path, check=True)
    for name in names:
        requirements = re.findall(
            r'"([\w.-]+(?:\[[\w,]+\])?[<>=~!][^";]*)', (tmp_path / name).read_text("utf-8")
        )
        assert name == "pyproject.toml" or "prefect>=3.9" in requirements
        assert [each for each in requirements if "<" in each or "==" in each] == []
