"""The names in what was generated, read back by parsing: they must be those of the answers, everywhere."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flow_template import naming, schedule


def disagreements(root: Path, answers: Mapping[str, Any]) -> list[tuple[str, object, object]]:
    """Return each place of the repository in `root` that disagrees with `answers`: expected, and found."""
    try:
        return [each for each in _compared(root, answers) if each[1] != each[2]]
    except (OSError, SyntaxError, ValueError) as unreadable:
        return [(str(getattr(unreadable, "filename", "pyproject.toml")), "readable", repr(unreadable))]


def _compared(root: Path, answers: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    slug, package = answers["flow_slug"], naming.package_of(answers["flow_slug"])
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project, table = content.get("project", {}), content.get("tool", {}).get("flow-ops", {})
    flow = _defined(root / "src" / package / "flow.py").get(package)
    decorators = [each for each in getattr(flow, "decorator_list", []) if _called(each) == "flow"]
    pins = _defined(root / "deploy.py")
    kind = "FolderSource" if answers["code_source"] == "local" else "GitSource"
    address = next(iter(getattr(pins.get("SOURCE"), "args", [])), None)

    yield "folder", slug, root.name
    yield "pyproject.toml: project.name", slug, project.get("name")
    yield "pyproject.toml: project.description", answers["description"], project.get("description")
    yield "pyproject.toml: project.scripts", {slug: f"{package}.__main__:main"}, project.get("scripts")
    yield "pyproject.toml: tool.flow-ops.package", package, table.get("package")
    for name in ("language", "area", "timezone"):
        yield f"pyproject.toml: tool.flow-ops.{name}", answers[name], table.get(name)
    yield f"src/{package}/flow.py: @flow(name=)", [slug], [_keyword(each, "name") for each in decorators]
    yield f"src/{package}/__main__.py: main", True, "main" in _defined(root / "src" / package / "__main__.py")
    yield "deploy.py: FLOW", f"src/{package}/flow.py:{package}", _literal(pins.get("FLOW"))
    yield "deploy.py: TIMEZONE", answers["timezone"], _literal(pins.get("TIMEZONE"))
    yield "deploy.py: SOURCE", (kind, answers["repo_url"]), (_called(pins.get("SOURCE")), _literal(address))
    yield from _in_environments(pins.get("ENVIRONMENTS"), answers)


def _in_environments(
    found: ast.AST | None, answers: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    """Each environment is in the team's pool for the area; only `prod` has the schedule."""
    pairs = zip(found.keys, found.values, strict=True) if isinstance(found, ast.Dict) else ()
    environments = {_literal(name): value for name, value in pairs}
    pools = naming.definition()["_work_pools"][answers["area"]]
    yield "deploy.py: ENVIRONMENTS", [*pools], [*environments]
    for name, pool in pools.items():
        place, said = f"deploy.py: ENVIRONMENTS[{name!r}]", environments.get(name)
        due = answers["schedule"] if name == "prod" and answers["schedule"] != schedule.NONE else None
        yield f"{place}.work_pool", pool, _keyword(said, "work_pool")
        yield f"{place}.schedule", due, _keyword(said, "schedule")


def _defined(file: Path) -> dict[str, ast.AST]:
    """Return what a module defines at its top, by name: functions, and the values of constants."""
    found: dict[str, ast.AST] = {}
    for each in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            found[each.name] = each
        elif isinstance(each, ast.Assign | ast.AnnAssign) and each.value:
            found[ast.unparse(each.targets[0] if isinstance(each, ast.Assign) else each.target)] = each.value
    return found


def _called(node: ast.AST | None) -> str | None:
    """Return the name of what `node` calls, `prefect.flow(...)` and `flow(...)` alike."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else None


def _keyword(node: ast.AST | None, name: str) -> object:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((_literal(each.value) for each in keywords if each.arg == name), None)


def _literal(node: ast.AST | None) -> object:
    """Return a constant's value, and what is computed as its source."""
    return node.value if isinstance(node, ast.Constant) else ast.unparse(node) if node else None
