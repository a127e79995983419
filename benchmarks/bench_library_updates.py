"""What a new version of the library costs a fleet: ten repositories in each mode, from the release to the commit."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.harness import QUICK, Figure
from helpers.workshop import git
from tests.generating import command
from tests.library_place import NEW, commit, place, release, run

REPOSITORIES = 1 if QUICK else 10
FLEET = 300
# What a person or a bot types in each repository; the commit is the last of them. None installs what it brings.
COMMANDS = {
    "vendor": [["uv", "run", "flow-ops", "update", "apply", "--yes"], ["uv", "lock"]],
    "index": [["uv", "lock", "--upgrade-package", "flow-ops"]],
    "git": [["uv", "add", "--no-sync", "flow-ops", "--tag", f"v{NEW}"]],
}


def measure() -> list[Figure]:
    """Return the minutes of 300 repositories in each mode, with the commands and the files changed in one."""
    return [_figure(mode) for mode in COMMANDS]


def _figure(mode: str) -> Figure:
    with tempfile.TemporaryDirectory() as name, place(Path(name), mode) as template:
        roots = []
        for number in range(REPOSITORIES):
            answers = ["--no-input", f"flow_slug=flow-{number}"]
            done = command(template.as_uri(), *answers, cwd=Path(name))
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
            root = Path(name, f"flow-{number}")
            run(["uv", "sync", "--quiet"], root)
            commit(root)
            roots.append(root)
        release(Path(name), template)
        seconds = []
        for root in roots:
            begun = time.perf_counter()
            for each in COMMANDS[mode]:
                run(each, root)
            commit(root)
            seconds.append(time.perf_counter() - begun)
        files = len(git(roots[0], "diff", "--name-only", "HEAD~", "HEAD").splitlines())
    one = statistics.median(seconds)
    note = f"{len(COMMANDS[mode]) + 1} commands and {files} files in each; {one:.1f} s each, of {len(roots)}"
    return Figure(f"library updates: {FLEET} repositories, {mode}", one * FLEET / 60, "min", None, note)
