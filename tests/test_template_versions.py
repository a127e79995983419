"""Two versions of the template in one process, as `cruft update` has them: each goes by its own code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.conftest import TEMPLATE
from tests.generating import command, git, snapshot
from tests.releases import unpack

if TYPE_CHECKING:
    from pathlib import Path

# 1.0.0, and a commit before it; both have their extension in the package `hooks`.
OLDER = {"1.0.0": "40d3f31", "before 1.0.0": "3e63686"}
ODD = {"flow_name": "Ventas {{ 'diarias' }} 100 %", "description": 'Ana dijo: "{% raw %}, it\'s done"'}


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def with_another_extension(folder: Path) -> Path:
    """Make a template a later version: with a filter more, which it uses, and a stricter rule."""
    package = folder / "flow_template"
    change(package / "extension.py", '"as_package": ', '"shouted": str.upper,\n            "as_package": ')
    change(
        package / "naming.py",
        "_SHORTEST_SLUG, _LONGEST_SLUG = 3, 40",
        "_SHORTEST_SLUG, _LONGEST_SLUG = 5, 40",
    )
    readme = folder / "{{cookiecutter.flow_slug}}" / "README.md"
    with readme.open("a", encoding="utf-8") as file:
        file.write("\n{{ cookiecutter.flow_slug | shouted }}\n")
    return folder


def test_each_version_renders_by_its_own_filters_and_rules(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "first")
    second = with_another_extension(snapshot(tmp_path / "second"))
    program = f"""
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter

def generated(template, folder, slug):
    try:
        root = cookiecutter(template, no_input=True, extra_context={{"flow_slug": slug}}, output_dir=folder)
    except FailedHookException as refused:
        return "FT-SLUG-02" if "FT-SLUG-02" in str(refused) else str(refused)
    return open(root + "/README.md", encoding="utf-8").read().splitlines()[-1]

for template, slug in [({str(first)!r}, "abd"), ({str(second)!r}, "abd"), ({str(second)!r}, "abcde")]:
    print("=>", generated(template, {str(tmp_path)!r}, slug))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stderr
    told = [line.removeprefix("=> ") for line in done.stdout.splitlines() if line.startswith("=> ")]
    assert told[0] not in ("ABD", "FT-SLUG-02")
    assert told[1:] == ["FT-SLUG-02", "ABCDE"]


def committed(template: Path, message: str) -> None:
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message", message)


def generate_edit_and_update(template: Path, folder: Path, older: str, **variables: str) -> Path:
    """Generate from an older commit, do a team's work, and let cruft bring it up to date."""
    answers = [f"{question}={answer}" for question, answer in ODD.items()]
    options = ["--no-input", "--checkout", older, "flow_slug=ventas-diarias", *answers]
    done = command(template.as_uri(), *options, cwd=folder, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    root = folder / "ventas-diarias"
    if not (root / ".git").exists():
        git(root, "init", "--quiet")
    with (root / "src" / "ventas_diarias" / "tasks.py").open("a", encoding="utf-8", newline="\n") as file:
        file.write("\n\ndef ours() -> int:\n    return 1\n")
    record = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))
    (root / ".cruft.json").write_text(json.dumps({**record, "checkout": None}), encoding="ascii")
    committed(root, "ours")
    done = command("update", "--skip-apply-ask", cwd=root, program="cruft", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads((root / ".cruft.json").read_text(encoding="utf-8"))["commit"] == git(
        template, "rev-parse", "HEAD"
    )
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["description"] == ODD["description"]
    assert "def ours()" in (root / "src" / "ventas_diarias" / "tasks.py").read_text(encoding="utf-8")
    return root


@pytest.mark.slow  # the same without cruft above, and cruft from 1.0.0 below, at each push
def test_cruft_updates_to_a_version_whose_extension_is_another(tmp_path: Path) -> None:
    template = snapshot(tmp_path / "git-server" / "flow-template")
    git(template, "init", "--quiet")
    committed(template, "this version")
    older = git(template, "rev-parse", "HEAD")
    committed(with_another_extension(template), "a later version")
    root = generate_edit_and_update(template, tmp_path, older)
    assert (root / "README.md").read_text(encoding="utf-8").endswith("\nVENTAS-DIARIAS\n")


@pytest.mark.parametrize(
    "commit",
    [
        pytest.param(OLDER["1.0.0"], id="1.0.0"),
        pytest.param(OLDER["before 1.0.0"], id="before 1.0.0", marks=pytest.mark.slow),
    ],
)
def test_cruft_updates_from_versions_whose_extension_is_in_another_package(
    commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "git-server" / "flow-template"
    unpack(commit, template)
    git(template, "init", "--quiet")
    committed(template, "an older version")
    older = git(template, "rev-parse", "HEAD")
    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    committed(snapshot(template), "this version")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    root = generate_edit_and_update(template, tmp_path, older)
    said = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert (
        json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["__template_version"] in said
    )
