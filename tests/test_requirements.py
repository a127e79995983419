"""A cookiecutter or a Python that is too old is told so, in a sentence, before anything is written."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.conftest import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

(REQUIREMENTS,) = TEMPLATE.glob("needs_cookiecutter_*.py")
NEEDED = ".".join(re.findall(r"\d+", REQUIREMENTS.stem))


def generate_with(pretence: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter where something about the machine is pretended."""
    program = f"import sys\n{pretence}\nfrom cookiecutter.cli import main\nmain(sys.argv[1:])"
    command = [sys.executable, "-c", program, str(TEMPLATE), "--no-input"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, check=False, encoding="utf-8", errors="replace"
    )


NO_PACKAGE = (
    "import importlib.util as i; find = i.find_spec\n"
    "i.find_spec = lambda name, *more: None if name == 'tzdata' else find(name, *more)"
)


@pytest.mark.parametrize(
    ("code", "said", "pretence"),
    [
        ("FT-SETUP-01", ["3.11", "3.10"], "sys.version_info = (3, 10, 22, 'final', 0)"),
        ("FT-SETUP-01", ["3.11", "3.8"], "sys.version_info = (3, 8, 20, 'final', 0)"),
        ("FT-SETUP-02", [NEEDED, "2.3.0"], "import cookiecutter; cookiecutter.__version__ = '2.3.0'"),
        ("FT-SETUP-03", ["tzdata"], f"import zoneinfo; zoneinfo.TZPATH = (); {NO_PACKAGE}"),
    ],
)
def test_what_is_missing_is_said_in_both_languages_and_nothing_is_written(
    code: str, said: list[str], pretence: str, tmp_path: Path
) -> None:
    done = generate_with(pretence, tmp_path)
    assert done.returncode == 1
    first, *lines = done.stdout.strip().splitlines()
    assert first == code
    assert [line.split()[:2] for line in lines] == [["flow-template", "necesita"], ["flow-template", "needs"]]
    assert [word for word in said for line in lines if word not in line] == []
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "version",
    ["2.10.0", *(pytest.param(version, marks=pytest.mark.slow) for version in ("3.0", "2.7.1", NEEDED))],
)
def test_a_cookiecutter_that_is_new_enough_is_not_stopped(version: str, tmp_path: Path) -> None:
    done = generate_with(f"import cookiecutter; cookiecutter.__version__ = {version!r}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zones_are_those_of_the_system_where_the_package_is_not_installed(tmp_path: Path) -> None:
    done = generate_with(NO_PACKAGE, tmp_path)
    assert done.returncode == 0 or "FT-SETUP-03" in done.stdout  # where the system has none


def test_every_python_can_read_what_says_which_one_is_needed() -> None:
    ast.parse(REQUIREMENTS.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_what_says_what_is_needed_comes_first() -> None:
    definition = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    assert definition["_extensions"][0].startswith(f"{REQUIREMENTS.stem}.")


def test_an_old_cookiecutter_can_read_the_questions_on_windows_too() -> None:
    (TEMPLATE / "cookiecutter.json").read_text(encoding="cp1252")  # as 1.7.3 does there


@pytest.mark.environment
@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.7.3", f"Unable to load extension: No module named '{REQUIREMENTS.stem}'"),
        ("2.1.1", "FT-SETUP-02"),
        (NEEDED, None),
    ],
)
def test_real_older_versions_of_cookiecutter(version: str, said: str | None, tmp_path: Path) -> None:
    command = [find_uv_bin(), "tool", "run", "--python", sys.executable, "--with", "setuptools<81"]
    command += ["--from", f"cookiecutter=={version}", "cookiecutter", str(TEMPLATE), "--no-input"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, check=False, encoding="utf-8", errors="replace"
    )
    assert "Traceback" not in done.stdout + done.stderr
    if said:
        assert (done.returncode, done.stdout.splitlines()[0]) == (1, said)
        assert list(tmp_path.iterdir()) == []
    else:
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "ventas-diarias" / ".cruft.json").is_file()
