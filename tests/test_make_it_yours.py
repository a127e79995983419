"""Another organisation edits `cookiecutter.json` alone: it works, and no trace of this organisation stays."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import TEMPLATE
from tests.organisation import copied, definition

if TYPE_CHECKING:
    from pathlib import Path

THEIRS: dict[str, Any] = {
    "_work_pools": {
        "logistics": {"dev": "logistics-dev", "prod": "logistics-prod"},
        "quality": {"dev": "lab-dev", "prod": "lab-prod"},
    },
    "_usual_timezone": "Asia/Tokyo",
    "_usual_schedule": "0 6 * * 1-5",
    "_git_base_url": "https://git.example.org/flows",
    "_git_token_block": "code-reader",
    "_local_base_folder": "D:/automation",
    "_flow_ops_source": "index",
    "_flow_ops_index": "https://packages.example.org/simple",
    "_examples": {
        "es": {"flow": "proceso", "flow_name": "Recuento nocturno", "description": "Cuenta lo que hay."},
        "en": {"flow": "job", "flow_name": "Night count", "description": "Counts what there is."},
    },
    "area": ["logistics", "quality"],
    "__prompts__": {"area": {"__prompt__": "Area", "logistics": "Logistics", "quality": "Quality"}},
}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as the other organisation has it."""
    return copied(tmp_path_factory.mktemp("theirs") / "flow-template", THEIRS)


@pytest.fixture(scope="module", params=["git", "local"])
def generated(request: pytest.FixtureRequest, theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    answers = ["language=en", "flow_slug=night-count", "area=quality", f"code_source={request.param}"]
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(theirs), "--no-input", *answers],
        cwd=folder,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "night-count"


def traces() -> list[str]:
    """Every value of this organisation's conventions."""
    ours = definition(TEMPLATE)
    pools = [pool for area in ours["_work_pools"].values() for pool in area.values()]
    areas = [area for area in ours["area"] if area != "general"]
    names = ("_usual_timezone", "_usual_schedule", "_git_base_url", "_git_token_block", "_local_base_folder")
    return [*pools, *areas, *(ours[name] for name in names)]


def test_the_conventions_are_those_that_cookiecutter_json_has() -> None:
    ours = definition(TEMPLATE)
    conventions = {name for name in ours if name.startswith("_") and not name.startswith("__")}
    mechanics = {"_extensions", "_new_lines", "_copy_without_render"}
    assert {
        name for name in THEIRS if name.startswith("_") and name != "__prompts__"
    } == conventions - mechanics


def test_their_conventions_are_in_what_is_generated(generated: Path) -> None:
    deployments = runpy.run_path(str(generated / "deploy.py"))["DEPLOYMENTS"]
    (environments,) = deployments.flows.values()
    assert {name: each.work_pool for name, each in environments.items()} == THEIRS["_work_pools"]["quality"]
    assert (deployments.timezone, environments["prod"].schedule) == ("Asia/Tokyo", "0 6 * * 1-5")
    place = getattr(deployments.source, "url", None) or deployments.source.path
    assert place in ("https://git.example.org/flows/night-count.git", "D:/automation/night-count")


def test_nothing_of_this_organisation_is_left(generated: Path) -> None:
    found = []
    for file in (path for path in generated.rglob("*") if path.is_file() and ".git" not in path.parts):
        # The template's sample flow is an example in a few docstrings, whatever the areas are.
        text = file.read_text(encoding="utf-8").replace("ventas-diarias", "").replace("ventas_diarias", "")
        words = [trace for trace in traces() if re.search(rf"(?<![\w-]){re.escape(trace)}(?![\w-])", text)]
        found += [f"{file.relative_to(generated).as_posix()}: {word}" for word in words]
    assert found == []


def test_the_search_for_traces_finds_those_of_this_organisation(repository: Path) -> None:
    text = (repository / "deploy.py").read_text(encoding="utf-8")
    assert [trace for trace in traces() if trace in text]


@pytest.mark.parametrize(
    "names",
    [["conventions"], pytest.param(["naming", "messages", "project"], marks=pytest.mark.slow)],
    ids="-".join,
)
def test_the_tests_of_the_template_pass_in_their_copy(theirs: Path, names: list[str]) -> None:
    tests = [f"tests/test_{name}.py" for name in names]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "-p",
            "no:cacheprovider",
            "-m",
            "not e2e and not environment",
            *tests,
        ],
        cwd=theirs,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
