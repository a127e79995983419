"""Each entrypoint loads as a worker loads it: from the tracked files alone, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

from flow_ops import project
from flow_ops.testing import deployments, rules

# No placeholder, which Prefect makes of a flow whose imports fail; no searches for garbage, which take time.
LOAD = """
import gc, sys
gc.disable()
from prefect.flows import load_flow_from_entrypoint
for entrypoint in sys.argv[1:]:
    load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
"""


def test_entrypoints_load_from_the_tracked_files_alone(tmp_path: Path) -> None:
    rules.copy_tracked_files(project.current().root, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PYTHONUTF8": "1"}
    environment.pop("FLOW_PROJECT_ROOT", None)
    answer = subprocess.run(
        [sys.executable, "-c", LOAD, *deployments().flows],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    rules.require("FT-RULE-02", answer.stderr.splitlines()[-1:] if answer.returncode else [])
