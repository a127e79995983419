"""Another organisation edits `cookiecutter.json` alone: it works, and no trace of this organisation stays."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TEMPLATE

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".tools", "demo", "node_modules", "__pycache__", ".*_cache", ".benchmarks", ".hypothesis"
)
THEIRS = {
    "_work_pools": {
        "logistics": {"dev": "logistics-dev", "prod": "logistics-prod"},
        "quality": {"dev": "lab-dev", "prod": "lab-prod"},
    },
    "_usual_timezone": "Asia/Tokyo",
    "_usual_schedule": "0 6 * * 1-5",
    "_git_base_url": "https://git.example.org/flows",
    "_git_token_block": "code-reader",
    "_local_base_folder": "D:/automation",
    "area": ["logistics", "quality"],
}
LABELS = {"__prompt__": "Area", "logistics": "Logistics", "quality": "Quality"}


def definition(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "cookiecutter.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as the other organisation has it."""
    copy = Path(shutil.copytree(TEMPLATE, tmp_path_factory.mktemp("theirs") / "flows", ignore=NOT_COPIED))
    content = definition(copy)
    assert content.keys() >= THEIRS.keys(), (
        "a convention has another name: tell it in THEIRS and in CONTRIBUTING"
    )
    content |= THEIRS
    content["__prompts__"]["area"] = LABELS
    (copy / "cookiecutter.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    return copy


@pytest.fixture(scope="module", params=["git", "local"])
def generated(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    answers = ["language=en", "flow_slug=night-count", "area=quality", f"code_source={request.param}"]
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(template), "--no-input", *answers],
        cwd=folder, capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "night-count"


def test_their_conventions_are_in_what_is_generated(generated: Path) -> None:
    deployments = runpy.run_path(str(generated / "deploy.py"))["DEPLOYMENTS"]
    (environments,) = deployments.flows.values()
    assert {name: each.work_pool for name, each in environments.items()} == {
        "dev": "lab-dev",
        "prod": "lab-prod",
    }
    assert (deployments.timezone, environments["prod"].schedule) == ("Asia/Tokyo", "0 6 * * 1-5")
    place = getattr(deployments.source, "url", None) or deployments.source.path
    assert place in ("https://git.example.org/flows/night-count.git", "D:/automation/night-count")


def traces() -> list[str]:
    """Every value of this organisation's conventions."""
    ours = definition(TEMPLATE)
    pools = [pool for area in ours["_work_pools"].values() for pool in area.values()]
    areas = [area for area in ours["area"] if area != "general"]
    names = ("_usual_timezone", "_usual_schedule", "_git_base_url", "_git_token_block", "_local_base_folder")
    return [*pools, *areas, *(ours[name] for name in names)]


def test_nothing_of_this_organisation_is_left(generated: Path) -> None:
    found = []
    for file in (path for path in generated.rglob("*") if path.is_file() and ".git" not in path.parts):
        # The default name of the first flow is an example in a few docstrings, whatever the areas are.
        text = file.read_text(encoding="utf-8").replace("ventas-diarias", "").replace("ventas_diarias", "")
        words = [trace for trace in traces() if re.search(rf"(?<![\w-]){re.escape(trace)}(?![\w-])", text)]
        found += [f"{file.relative_to(generated).as_posix()}: {word}" for word in words]
    assert found == []


def test_the_trace_search_finds_a_trace(repository: Path) -> None:
    text = (repository / "deploy.py").read_text(encoding="utf-8")
    assert [trace for trace in traces() if trace in text]
