"""A flow repository for the library's tests: what the library asks of one, and as little as that."""

from __future__ import annotations

import subprocess
from pathlib import Path
from string import Template

from uv import find_uv_bin

from flow_ops import embedding

LIBRARY = Path(__file__).resolve().parents[2]
TIMEZONE = "America/Argentina/Buenos_Aires"
SCHEDULE = "30 1,13,17 * * *"

FILES = {
    "README.md": "# $slug\n",
    ".gitignore": ".venv/\n__pycache__/\nbuild/\n*_cache/\n",
    "pyproject.toml": """\
[project]
name = "$slug"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
    "prefect>=3.9,<4",
    "flow-ops>=2,<3",
]

[project.scripts]
"$slug" = "$package.__main__:main"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-name = "$package"

[tool.uv.sources]
flow-ops = { path = "vendor/flow_ops", editable = true }

[tool.flow-ops]
package = "$package"
language = "$language"
area = "$area"
timezone = "$timezone"
template-version = "2.0.0"

[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = ["-rs"]

[tool.ruff]
extend = "vendor/flow_ops/pyproject.toml"
src = ["src"]
extend-exclude = ["vendor"]

[tool.ruff.lint.extend-per-file-ignores]
"tests/**" = ["D", "S101"]

[tool.ruff.lint.isort]
known-third-party = ["flow_ops"]
""",
    "deploy.py": '''\
"""Where this flow runs, and when."""

from datetime import timedelta

from flow_ops.deployment import Deployments, Environment, GitSource, Limits, main

FLOW = "src/$package/flow.py:$package"
TIMEZONE = "$timezone"
SOURCE = GitSource("https://git.example.com/$slug.git", branch="main")
ENVIRONMENTS = {
    "dev": Environment(work_pool="$pools-dev"),
    "prod": Environment(work_pool="$pools-prod", schedule="$schedule"),
}
LIMITS = Limits(running=timedelta(hours=2), late=timedelta(hours=4))
FLOWS = {
    FLOW: ENVIRONMENTS,
}
DEPLOYMENTS = Deployments(flows=FLOWS, source=SOURCE, timezone=TIMEZONE, limits=LIMITS)

if __name__ == "__main__":
    raise SystemExit(main(DEPLOYMENTS))
''',
    "src/$package/__init__.py": '"""A flow of the tests."""\n',
    "src/$package/__main__.py": '''\
"""The command line."""

from flow_ops.command_line import run_flow

from $package.flow import $package


def main() -> None:
    """Run the flow with the parameters of the command line."""
    raise SystemExit(run_flow($package))


if __name__ == "__main__":
    main()
''',
    "src/$package/flow.py": '''\
"""The flow."""

from datetime import date
from pathlib import Path

from prefect import flow

from $package.tasks import load

HERE = Path(__file__).parent


@flow(name="$slug", description="Load the orders.", timeout_seconds=3600, log_prints=True)
def $package(orders_file: Path | None = None, since: date | None = None) -> None:
    """Load the orders.

    Args:
        orders_file: Absolute path of the orders.
        since: Leave out the orders of earlier days.
    """
    load(orders_file or HERE / "orders.csv", since)


@flow(log_prints=True, timeout_seconds=600)
def load_branch(branch: str) -> None:
    """Load the orders of one branch."""
    load(HERE / f"{branch}.csv", None)
''',
    "src/$package/tasks.py": '''\
"""The work."""

from datetime import date
from pathlib import Path

from flow_ops.logs import get_logger
from prefect import task

logger = get_logger("tasks")


@task
def load(file: Path, since: date | None) -> None:
    """Say which orders would be loaded."""
    logger.info("%s from %s on", file.name, since)
''',
    "tests/conftest.py": 'pytest_plugins = ["flow_ops.testing"]\n',
    "tests/test_rules.py": """\
import pytest
from flow_ops.testing.rules import RULES, Rule


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(rule: Rule) -> None:
    rule.check()
""",
}


def make_repository(
    folder: Path, slug: str = "ventas-diarias", *, language: str = "es", pools: str = "pool"
) -> Path:
    """Write a repository with a flow, a task and two environments below `folder`; return its root."""
    root = folder / slug
    values = {
        "slug": slug,
        "package": slug.replace("-", "_"),
        "language": language,
        "area": "general",
        "pools": pools,
        "timezone": TIMEZONE,
        "schedule": SCHEDULE,
    }
    for name, text in FILES.items():
        file = root / Template(name).substitute(values)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(values), encoding="utf-8")
    embedding.embed(LIBRARY, root)
    return root


_LOCKS: dict[str, str] = {}


def lock(root: Path) -> None:
    """Write `uv.lock`, as uv does at its first command: once for all repositories with the same pyproject.toml."""
    asked, file = (root / "pyproject.toml").read_text(encoding="utf-8"), root / "uv.lock"
    if asked in _LOCKS:
        file.write_text(_LOCKS[asked], encoding="utf-8")
        return
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=root, check=True)
    _LOCKS[asked] = file.read_text(encoding="utf-8")


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below `root`, but git's, compiled and cached ones, by its path."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in files
        if not {".git", ".ruff_cache", "__pycache__"} & {*path.relative_to(root).parts}
    }
