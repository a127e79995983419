"""A second flow in this repository: its module, its test, its command and its deployments.

    uv run flow-ops new-flow nightly-stock

What it writes is the team's own from then on. It names what it wrote, and undoes nothing: git does.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import runpy
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from flow_ops import project
from flow_ops.messages import FlowOpsError, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flow_ops.deploy.pins import Environment

FLOW = Template('''\
"""$slug: say in a line what it does."""

from flow_ops.command_line import run_flow
from flow_ops.logs import get_logger
from prefect import flow, task

logger = get_logger("$module")


@task(retries=2, retry_delay_seconds=5, timeout_seconds=60)
async def read_items(limit: int) -> list[str]:
    """Read the items to handle: put a file, a database or a service here."""
    return ["first", "second", "third"][:limit]


@flow(
    name="$slug",
    description="Say in a line what it does.",
    timeout_seconds=3600,
    log_prints=True,
)
async def $module(limit: int = 10) -> int:
    """Read the items, handle them, and return how many there were.

    Args:
        limit: Items to handle at most.
    """
    items = await read_items(limit)
    logger.info("%d items", len(items))
    return len(items)


def main() -> None:
    """Run the flow with the parameters of the command line; `--help` lists them."""
    raise SystemExit(run_flow($module))
''')

TEST = Template('''\
"""The flow $slug, its tasks called as plain functions: no server is needed."""

import asyncio

from $package.$module import read_items


def test_no_more_items_than_asked_for() -> None:
    assert len(asyncio.run(read_items.fn(2))) == 2
''')

# Names that the module of the flow uses itself.
TAKEN = {"flow", "get_logger", "logger", "main", "read_items", "run_flow", "task"}
# Windows keeps these for devices, in any folder and with any suffix.
DEVICES = {
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
}


def add(slug: str) -> list[str]:
    """Write the flow `slug` and return, line by line, what was written and what is next.

    Raises:
        FlowOpsError: as `create`.
    """
    root = project.current().root
    files = [file.relative_to(root).as_posix() for file in create(slug)]
    return [
        *files,
        f"git add {' '.join(files)}",
        f"uv run {slug}",
        "uv run pytest",
        "uv run deploy.py plan dev",
    ]


def create(slug: str) -> list[Path]:
    """Write the flow `slug` into this repository and return the files written, changed ones included.

    Nothing is written unless everything can be.

    Raises:
        FlowOpsError: FT-NEW-01 for a name that cannot be one, FT-NEW-02 where a file, script or deployment
            of that name exists, FT-NEW-03 where `deploy.py` or `pyproject.toml` has no place for it.
    """
    repository = project.current()
    if problem := _problem(slug):
        raise FlowOpsError("FT-NEW-01", name=slug, problem=problem)
    names = {"slug": slug, "module": slug.replace("-", "_"), "package": repository.package}
    root = repository.root
    module = root / "src" / repository.package / f"{names['module']}.py"
    test = root / "tests" / f"test_{names['module']}.py"
    for file in (module, module.with_suffix(""), test):
        if file.exists():
            raise FlowOpsError("FT-NEW-02", place=file.relative_to(root).as_posix())
    deploy, pyproject = root / "deploy.py", root / "pyproject.toml"
    contents = {
        module: FLOW.substitute(names),
        test: TEST.substitute(names),
        deploy: with_deployments(deploy, f"src/{repository.package}/{module.name}:{names['module']}"),
        pyproject: with_script(pyproject, slug, f"{repository.package}.{names['module']}:main"),
    }
    for file, content in contents.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8", newline="\n")
    _format([module, test, deploy])
    return list(contents)


def with_deployments(deploy: Path, entrypoint: str) -> str:
    """Return the text of `deploy.py` with `entrypoint` in the first flow's work pools, by hand only.

    Raises:
        FlowOpsError: FT-NEW-02 where the file names the entrypoint already, FT-NEW-03 where no
            `Deployments(flows={...})` is written out in it.
    """
    written = deploy.read_text(encoding="utf-8")
    deployments = runpy.run_path(str(deploy))["DEPLOYMENTS"]
    if entrypoint in deployments.flows:
        raise FlowOpsError("FT-NEW-02", place=f"deploy.py: {entrypoint}")
    entry = _entry(entrypoint, next(iter(deployments.flows.values())))
    last = _last_flow(ast.parse(written))
    if last is None or last.end_lineno is None or last.end_col_offset is None:
        raise FlowOpsError("FT-NEW-03", file=deploy.name, place="Deployments(flows={...})", lines=entry)
    lines = written.splitlines(keepends=True)
    line = lines[last.end_lineno - 1].encode()
    before, after = line[: last.end_col_offset].decode(), line[last.end_col_offset :].decode()
    lines[last.end_lineno - 1] = f"{before}, {entry}{after}"
    return "".join(lines)


def with_script(pyproject: Path, slug: str, target: str) -> str:
    """Return the text of `pyproject.toml` with the command `slug`.

    Raises:
        FlowOpsError: FT-NEW-02 where the command exists, FT-NEW-03 where there is no `[project.scripts]`.
    """
    written = pyproject.read_text(encoding="utf-8")
    script = f'"{slug}" = "{target}"'
    table = re.search(r"^\[project\.scripts\]\n(?:[^\[\n].*\n)*", written, re.MULTILINE)
    if table is None:
        raise FlowOpsError("FT-NEW-03", file=pyproject.name, place="[project.scripts]", lines=script)
    if re.search(rf'^"?{slug}"? *=', table[0], re.MULTILINE):
        raise FlowOpsError("FT-NEW-02", place=f"pyproject.toml: [project.scripts] {slug}")
    return f"{written[: table.end()]}{script}\n{written[table.end() :]}"


def _problem(slug: str) -> str:
    """Return what is wrong with the name, in the user's language; empty for nothing."""
    function = slug.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) or not 3 <= len(slug) <= 40:
        return text("new-flow.shape")
    if slug.startswith("prefect") or slug in DEVICES:
        return text("new-flow.reserved")
    if keyword.iskeyword(function) or keyword.issoftkeyword(function) or hasattr(builtins, function):
        return text("new-flow.python")
    if function in TAKEN or function in sys.stdlib_module_names:
        return text("new-flow.taken")
    return ""


def _entry(entrypoint: str, environments: Mapping[str, Environment]) -> str:
    pools = "".join(
        f'        "{name}": Environment(work_pool="{environment.work_pool}"),\n'
        for name, environment in environments.items()
    )
    return f'"{entrypoint}": {{\n{pools}    }}'


def _last_flow(tree: ast.Module) -> ast.expr | None:
    """Return the last value of the dictionary in `Deployments(flows={...})`, where it is written out."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    flows = [
        each.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Deployments"
        for each in call.keywords
        if each.arg == "flows" and isinstance(each.value, ast.Dict)
    ]
    return flows[0].values[-1] if flows and flows[0].values else None


def _format(files: list[Path]) -> None:
    """Format with ruff, which the development tools include; what is written is valid without it too."""
    command = [sys.executable, "-m", "ruff", "format", "--quiet", *map(str, files)]
    subprocess.run(command, check=False, capture_output=True, cwd=project.current().root)
