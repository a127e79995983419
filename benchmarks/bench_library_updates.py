"""What a new version of the library costs a fleet: ten repositories in each mode, from the release to the commit."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import QUICK, Figure
from helpers.package_index import package_index
from helpers.workshop import git
from tests.generating import command
from tests.organisation import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORIES = 1 if QUICK else 10
FLEET = 300
OLD, NEW = "2.0.0", "2.0.1"
# What a person or a bot types in each repository; the commit is the last of them.
COMMANDS = {
    "vendor": [["uv", "run", "flow-ops", "update", "apply", "--yes"], ["uv", "lock"]],
    "index": [["uv", "lock", "--upgrade-package", "flow-ops"]],
    "git": [["sed", "--in-place", f"s/v{OLD}/v{NEW}/", "pyproject.toml"], ["uv", "lock"]],
}


def measure() -> list[Figure]:
    """Return the minutes of 300 repositories in each mode, with the commands and the files changed in one."""
    return [_figure(mode) for mode in COMMANDS]


def _figure(mode: str) -> Figure:
    with tempfile.TemporaryDirectory() as name, _place(Path(name), mode) as template:
        roots = []
        for number in range(REPOSITORIES):
            answers = ["--no-input", f"flow_slug=flow-{number}"]
            done = command(template.as_uri(), *answers, cwd=Path(name))
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
            root = Path(name, f"flow-{number}")
            _run(["uv", "sync", "--quiet"], root)
            _commit(root)
            roots.append(root)
        _release(Path(name), template)
        seconds = []
        for root in roots:
            begun = time.perf_counter()
            for each in COMMANDS[mode]:
                _run(each, root)
            _commit(root)
            seconds.append(time.perf_counter() - begun)
        files = len(git(roots[0], "diff", "--name-only", "HEAD~", "HEAD").splitlines())
    one = statistics.median(seconds)
    note = f"{len(COMMANDS[mode]) + 1} commands and {files} files in each; {one:.1f} s each, of {len(roots)}"
    return Figure(f"library updates: {FLEET} repositories, {mode}", one * FLEET / 60, "min", None, note)


@contextlib.contextmanager
def _place(folder: Path, mode: str) -> Iterator[Path]:
    """Make the template with its first release, and an index that has it."""
    dist = folder / "dist"
    base = folder / "hosted"
    base.mkdir()
    with package_index(dist) as address:
        conventions = {"_flow_ops_source": mode, "_git_base_url": base.as_uri()}
        conventions |= {"_flow_ops_index": address} if mode == "index" else {}
        template = copied(base / "flow-template.git", conventions)
        git(template, "tag", f"v{OLD}")
        _run(["uv", "build", "--quiet", "--out-dir", str(dist), str(template / "flow_ops")], folder)
        yield template


def _release(folder: Path, template: Path) -> None:
    """Publish the next version: one of the library's files is another."""
    changed = template / "flow_ops" / "src" / "flow_ops" / "network.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# Another.\n", encoding="utf-8")
    for file in (template / "flow_ops" / "pyproject.toml", template / "cookiecutter.json"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(rf'(version": "|version = "){OLD}', rf"\g<1>{NEW}", text), encoding="utf-8")
    _commit(template)
    git(template, "tag", f"v{NEW}")
    _run(["uv", "build", "--quiet", "--out-dir", str(folder / "dist"), str(template / "flow_ops")], folder)


def _commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Next")


def _run(arguments: list[str], folder: Path) -> None:
    program = shutil.which(arguments[0]) or arguments[0]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [program, *arguments[1:]],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
