"""A template with a release, in each mode of `_flow_ops_source`, and its next release: for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from flow_template import naming
from helpers.package_index import package_index
from helpers.workshop import git
from tests.organisation import copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = naming.definition()["__template_version"]
NEW = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), OLD)


@contextlib.contextmanager
def place(folder: Path, mode: str) -> Iterator[Path]:
    """Make the template with its first release, and an index that has it."""
    base = folder / "hosted"
    base.mkdir()
    with package_index(folder / "dist") as address:
        conventions = {"_flow_ops_source": mode, "_git_base_url": base.as_uri()}
        conventions |= {"_flow_ops_index": address} if mode == "index" else {}
        template = copied(base / "flow-template.git", conventions)
        git(template, "tag", f"v{OLD}")
        build(folder, template)
        yield template


def release(folder: Path, template: Path) -> None:
    """Publish the next version: one of the library's files is another."""
    changed = template / "flow_ops" / "src" / "flow_ops" / "network.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# Another.\n", encoding="utf-8")
    for name in ("flow_ops/pyproject.toml", "pyproject.toml", "cookiecutter.json"):
        file = template / name
        text = re.sub(
            rf'(version": "|version = "){re.escape(OLD)}"', rf'\g<1>{NEW}"', file.read_text(encoding="utf-8")
        )
        file.write_text(text, encoding="utf-8")
    commit(template)
    git(template, "tag", f"v{NEW}")
    build(folder, template)


def build(folder: Path, template: Path) -> None:
    """Build the library as CONTRIBUTING says, into the folder that the index serves."""
    run(["uv", "build", "--quiet", "flow_ops", "--out-dir", str(folder / "dist")], template)


def commit(root: Path) -> None:
    """Commit all that is in a repository."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Next")


def run(arguments: list[str], folder: Path, **variables: str) -> str:
    """Run a command as a person does in that folder; return what it prints."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "FLOW_PROJECT_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [shutil.which(arguments[0]) or arguments[0], *arguments[1:]],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
