"""The README's first command, typed as it stands, and again, on a machine that has Python and pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.support import not_on_windows
from tests.conftest import TEMPLATE

SCRIPTS = Path(sys.executable).parent


@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_a_reader_with_powershell_has_each_command_alone(name: str) -> None:
    text = (TEMPLATE / name).read_text(encoding="utf-8")
    in_bash = [line for line in text.splitlines() if "&&" in line]
    assert len(in_bash) == 2
    parts = {part.removeprefix(".tools/bin/") for line in in_bash for part in line.split(" && ")}
    alone = set(re.findall(r"`(uv run .*?)`", text.partition("PowerShell, ")[2].partition("\n## ")[0]))
    assert alone == {part for part in parts if part.startswith("uv run ")}


@pytest.mark.slow
@pytest.mark.e2e
@not_on_windows("the command is written for bash")
def test_the_first_command_generates_a_repository_and_runs_its_flow_to_completed_twice_in_a_row(
    tmp_path: Path,
) -> None:
    texts = [(TEMPLATE / name).read_text(encoding="utf-8") for name in ("README.md", "README.es.md")]
    (command,) = {each for text in texts for each in re.findall(r"^python3 .* demo/.*$", text, re.MULTILINE)}
    clone = tmp_path / "flow-template"
    subprocess.run(["git", "clone", "--quiet", TEMPLATE, clone], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    # The machine's Python, as the reader's: the one of these tests' environment has no pip.
    folders = environment["PATH"].split(os.pathsep)
    environment["PATH"] = os.pathsep.join(folder for folder in folders if Path(folder) != SCRIPTS)
    environment["PREFECT_HOME"] = str(tmp_path / "prefect")
    environment["UV_COMPILE_BYTECODE"] = "0"  # Bytecode is for those who start many processes.
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=clone,
            env=environment,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"Flow run '[\w-]+' - Finished in state Completed\(\)", done.stdout + done.stderr)
        assert (clone / "demo" / "ventas-diarias" / "deploy.py").is_file()
