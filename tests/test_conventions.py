"""The conventions of the organisation, as `cookiecutter.json` has them: whole, and good for every area."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zoneinfo
from typing import TYPE_CHECKING

import pytest

from tests.organisation import ROOT, definition

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = definition(ROOT)
# deploy.yml of every repository deploys to these.
ENVIRONMENTS = ["dev", "prod"]


def test_every_area_has_a_label_and_its_work_pools() -> None:
    assert list(DEFINITION["_work_pools"]) == DEFINITION["area"]
    assert set(DEFINITION["__prompts__"]["area"]) == {"__prompt__", *DEFINITION["area"]}
    assert {area: list(pools) for area, pools in DEFINITION["_work_pools"].items()} == dict.fromkeys(
        DEFINITION["area"], ENVIRONMENTS
    )


def test_a_work_pool_belongs_to_one_area_and_one_environment() -> None:
    pools = [pool for area in DEFINITION["_work_pools"].values() for pool in area.values()]
    assert len(set(pools)) == len(pools)
    for area in DEFINITION["_work_pools"].values():
        assert [name for name, pool in area.items() if not pool.endswith(f"-{name}")] == []


def test_the_usual_timezone_exists() -> None:
    assert DEFINITION["_usual_timezone"] in zoneinfo.available_timezones()


@pytest.mark.parametrize("area", DEFINITION["area"])
def test_every_area_generates_with_the_default_answers(area: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", f"area={area}", "flow_slug=a-flow"],
        cwd=tmp_path, capture_output=True, check=False, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    deploy = (tmp_path / "a-flow" / "deploy.py").read_text(encoding="utf-8")
    assert [pool for pool in DEFINITION["_work_pools"][area].values() if json.dumps(pool) not in deploy] == []


def test_the_library_comes_from_a_known_place() -> None:
    assert DEFINITION["_flow_ops_source"] in ("vendor", "index", "git")
    # An address of a package index without credentials, which would be in every repository; or nothing.
    assert re.fullmatch(r"(https?://[^\s@?#]+)?", DEFINITION["_flow_ops_index"])
