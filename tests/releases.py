"""Repositories of earlier releases, as tests update them to the current tree: `releases.toml` names the releases."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from flow_ops import project, updates
from helpers.workshop import git, inside
from tests.conftest import TEMPLATE
from tests.organisation import NOT_COPIED, ROOT

RELEASES = tomllib.loads((Path(__file__).parent / "releases.toml").read_text(encoding="utf-8"))["release"]
ANSWERS = {
    "language": "en",
    "flow_name": "Ventas «diarias»",
    "flow_slug": "ventas-diarias",
    "description": """Sums up 'all' the "orders": ñandú, 100 %.""",
    "area": "compras",
    "timezone": "America/Santiago",
    "schedule": "5,35 6-18 * * mon-fri",
    "code_source": "local",
    "repo_url": "/srv/flows/ventas-diarias",
}
EDITED = {
    "src/ventas_diarias/more.py": '"""The team\'s own module."""\n\n\ndef ours() -> int:\n    """Return one."""\n    return 1\n',
    "README.md": "\nA line of the team.\n",
    "deploy.py": "\n# Ours.\n",
}


def unpack(tree: str, folder: Path) -> None:
    """Write the files of a commit or tag into `folder`; skip the test where this checkout does not have it."""
    if subprocess.run(["git", "-C", ROOT, "cat-file", "-e", tree], check=False).returncode:
        pytest.skip(f"this checkout does not have {tree[:8]}: it is a shallow clone")
    archive = subprocess.run(
        ["git", "-C", ROOT, "archive", "--format=zip", tree], capture_output=True, check=True
    ).stdout
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(folder)


def put_release(release: dict[str, str], remote: Path) -> None:
    """Make the folder `remote` a repository with the tree of a release."""
    unpack(release["commit"], remote)
    git(remote, "init", "--quiet", "--initial-branch=main")
    commit(remote, release["name"])


def put_current(remote: Path) -> None:
    """Commit the current tree in the place of the release, and tag it."""
    for each in remote.iterdir():
        if each.name != ".git":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.copytree(TEMPLATE, remote, ignore=NOT_COPIED, dirs_exist_ok=True)
    commit(remote, "current")
    git(remote, "tag", f"v{version()}")


def edit(root: Path) -> None:
    """Write what a team does, into files of the template's and of its own."""
    for name, text in EDITED.items():
        with (root / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)


def version() -> str:
    definition = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return str(definition["__template_version"])


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def tracked(root: Path) -> set[str]:
    git(root, "add", "--all")
    return set(git(root, "ls-files").splitlines())


def assert_it_is_what_it_should_be(root: Path) -> None:
    files = tracked(root)
    assert [name for name in files if name.startswith(("src/flow_ops/", "tests/rules/", "tests/e2e/"))] == []
    assert {"vendor/flow_ops/pyproject.toml", "tests/test_rules.py", "tests/test_e2e.py", "uv.lock"} <= files
    for name, text in EDITED.items():
        assert (root / name).read_text(encoding="utf-8").endswith(text)
    assert [name for name in files if "\n<<<<<<< " in (root / name).read_text(encoding="utf-8")] == []
    with inside(root):
        assert project.current().template_version == version()
        assert updates.changed_files() == []
