"""How the tests of generation call cookiecutter: in this process where they can, else as a command."""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from cookiecutter.cli import main
from cookiecutter.main import cookiecutter

from flow_template import agreement, naming
from helpers.repositories import contents
from helpers.support import of_powershell
from tests.conftest import TEMPLATE


def invoke(folder: Path, *arguments: str, template: Path | str = TEMPLATE) -> tuple[int, str]:
    """Run the command line in this process; return its status and what it printed, without the hooks."""
    outcome = CliRunner().invoke(main, [str(template), "--output-dir", str(folder), *arguments])
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.output


def command(
    *arguments: str | Path, cwd: Path, program: str = "cookiecutter", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )


def words_of(line: str) -> list[str]:
    """Return the words of a printed command as the user's shell reads them."""
    return of_powershell(line) if sys.platform == "win32" else shlex.split(line)


def generate_without_hooks(folder: Path, answers: dict[str, str]) -> Path:
    """Generate in this process; the names are then compared here, as the hook would."""
    root = Path(
        cookiecutter(
            str(TEMPLATE), no_input=True, extra_context=answers, output_dir=str(folder), accept_hooks=False
        )
    )
    assert agreement.disagreements(root, complete(answers)) == []
    return root


def complete(answers: dict[str, str]) -> dict[str, Any]:
    """Return the whole set that a hook gets, from all nine answers."""
    package = naming.package_of(answers["flow_slug"])
    private = {name: value for name, value in naming.definition().items() if name.startswith("_")}
    return {**private, **answers, "__package": package}


def parse_everything(root: Path) -> None:
    """Fail where a file of the repository cannot be read by what will read it."""
    for name, content in contents(root).items():
        text = content.decode("utf-8")
        assert "\r" not in text, name
        if name.endswith(".py"):
            ast.parse(text, filename=name)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(text))
        elif name.endswith(".json"):
            json.loads(text)


def snapshot(folder: Path) -> Path:
    """Copy the template as it stands now: what generation reads of it, and the CHANGELOG that updates read."""
    listed = subprocess.run(
        ["git", "-C", TEMPLATE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (TEMPLATE / name).is_file() and not name.startswith(
            ("tests/", "flow_ops/tests/", "docs/", "benchmarks/")
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TEMPLATE / name, folder / name)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` without the configuration of this machine; return what it prints."""
    names = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *names, "-C", folder, *arguments],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )
    return done.stdout.strip()


def repository_of_the_template(folder: Path) -> Path:
    """Commit the template as it stands now to a git repository, with the tag `v1`."""
    snapshot(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    git(folder, "tag", "v1")
    return folder
