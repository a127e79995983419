"""Where a generated repository gets flow-ops: `_flow_ops_source` of the organisation's cookiecutter.json."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from flow_template import naming
from helpers.repositories import contents
from tests.generating import command
from tests.organisation import ROOT, copied, definition, with_conventions

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "https://packages.example.org/simple"
MODES: dict[str, dict[str, Any]] = {
    "vendor": {"_flow_ops_source": "vendor"},
    "index": {"_flow_ops_source": "index"},
    "named index": {"_flow_ops_source": "index", "_flow_ops_index": INDEX},
    "git": {"_flow_ops_source": "git", "_git_base_url": "https://git.example.org/data"},
}
SOURCES: dict[str, dict[str, Any]] = {
    "vendor": {"sources": {"flow-ops": {"path": "vendor/flow_ops", "editable": True}}},
    "index": {"sources": {}},
    "named index": {
        "index": [{"name": "flow-ops", "url": INDEX, "explicit": True}],
        "sources": {"flow-ops": {"index": "flow-ops"}},
    },
    "git": {
        "sources": {
            "flow-ops": {
                "git": "https://git.example.org/data/flow-template.git",
                "tag": f"v{naming.definition()['__template_version']}",
                "subdirectory": "flow_ops",
            }
        }
    },
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template, for one set of conventions after the other."""
    return copied(tmp_path_factory.mktemp("template") / "flow-template", {})


def generate(template: Path, conventions: dict[str, Any], folder: Path) -> tuple[int, str]:
    """Generate `sales` below a folder, with these conventions; return status and output."""
    content = with_conventions(definition(ROOT), conventions)
    (template / "cookiecutter.json").write_text(json.dumps(content), encoding="utf-8")
    done = command(template, "--no-input", "language=en", "flow_slug=sales", cwd=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def generated(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A repository of each mode, with the same answers."""
    made = {}
    for mode, conventions in MODES.items():
        folder = tmp_path_factory.mktemp("mode")
        status, output = generate(template, conventions, folder)
        assert status == 0, output
        made[mode] = folder / "sales"
    return made


@pytest.mark.parametrize("mode", MODES)
def test_pyproject_takes_the_library_from_where_the_organisation_has_it(
    generated: dict[str, Path], mode: str
) -> None:
    content = tomllib.loads((generated[mode] / "pyproject.toml").read_text(encoding="utf-8"))
    uv = content["tool"]["uv"]
    del uv["build-backend"]
    assert uv == SOURCES[mode]
    assert "flow-ops>=2,<3" in content["project"]["dependencies"]


@pytest.mark.parametrize("mode", ["index", "named index", "git"])
def test_pyproject_the_readmes_row_and_vendor_are_all_that_differs_between_the_modes(
    generated: dict[str, Path], mode: str
) -> None:
    vendored, other = contents(generated["vendor"]), contents(generated[mode])
    del vendored[".cruft.json"], other[".cruft.json"]
    assert vendored.keys() - other.keys() == {name for name in vendored if name.startswith("vendor/")}
    differ = {name for name, content in other.items() if content != vendored[name]}
    assert differ - {"deploy.py"} == {"pyproject.toml", "README.md"}  # deploy.py: the git base of the test
    assert b"vendor" not in other["README.md"]
