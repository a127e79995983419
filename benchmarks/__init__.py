"""Speed, as ratios against the alternative in the same run: `uv run --group bench python -m benchmarks`."""
