"""Speed, as ratios against the alternative in the same run: `uv run --group bench python -m benchmarks`."""

import sys
from pathlib import Path

# Where what the benchmarks share with the library's tests is.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow_ops" / "tests"))
