"""The names in what was generated, read back by parsing: they must be those of the answers, everywhere."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hooks import naming

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Disagreement(NamedTuple):
    """One place that says something else than the answers."""

    place: str
    expected: object
    found: object


def disagreements(root: Path, answers: Mapping[str, Any]) -> list[Disagreement]:
    """Return every place of the repository in `root` that disagrees with `answers`."""
    try:
        return [each for each in _compared(root, answers) if each.expected != each.found]
    except (OSError, SyntaxError, ValueError) as unreadable:
        return [Disagreement(str(getattr(unreadable, "filename", "") or root), "readable", repr(unreadable))]


def report(found: list[Disagreement], language: str) -> str:
    """Return the message for whoever maintains the template: a user cannot cause this with answers alone."""
    title, expected, said = (
        ("FT-GEN-01  The template wrote names that disagree; nothing of it was kept.", "expected", "found")
        if language == "en"
        else (
            "FT-GEN-01  El template escribió nombres que no coinciden; no se guardó nada.",
            "se esperaba",
            "dice",
        )
    )
    lines = [f"  {each.place}: {expected} {each.expected!r}, {said} {each.found!r}" for each in found]
    return "\n".join([title, *lines])


def _compared(root: Path, answers: Mapping[str, Any]) -> Iterator[Disagreement]:
    slug, package, function = answers["flow_slug"], answers["__package"], answers["__function"]
    yield Disagreement("folder", slug, root.name)
    yield Disagreement("package", naming.package_of(slug), package)
    yield Disagreement("flow function", naming.package_of(slug), function)
    yield from _in_pyproject(root / "pyproject.toml", answers)
    yield from _in_flow(root / "src" / package / "flow.py", slug, function)
    entry = _functions(root / "src" / package / "__main__.py")
    yield Disagreement(f"src/{package}/__main__.py: main", expected=True, found="main" in entry)
    yield from _in_deploy(root, answers)


def _in_pyproject(file: Path, answers: Mapping[str, Any]) -> Iterator[Disagreement]:
    slug, package = answers["flow_slug"], answers["__package"]
    content = _strings(file)
    project, table = content.get("project", {}), content.get("tool", {}).get("flow-ops", {})
    yield Disagreement("pyproject.toml: project.name", slug, project.get("name"))
    scripts = {slug: f"{package}.__main__:main"}
    yield Disagreement("pyproject.toml: project.scripts", scripts, project.get("scripts"))
    expected = {"package": package, **{name: answers[name] for name in ("language", "area", "timezone")}}
    for name, value in expected.items():
        yield Disagreement(f"pyproject.toml: tool.flow-ops.{name}", value, table.get(name))


def _in_flow(file: Path, slug: str, function: str) -> Iterator[Disagreement]:
    """The function exists at the entrypoint's path, is a flow, and bears the flow's name."""
    found = _functions(file).get(function)
    decorators = found.decorator_list if found else []
    names = [_keyword(each, "name") for each in decorators if _called(each) == "flow"]
    yield Disagreement(f"src/{function}/flow.py: @flow(name=)", [slug], names)


def _in_deploy(root: Path, answers: Mapping[str, Any]) -> Iterator[Disagreement]:
    pins = _assignments(root / "deploy.py")
    package, function = answers["__package"], answers["__function"]
    entrypoint = f"src/{package}/flow.py:{function}"
    yield Disagreement("deploy.py: FLOW", entrypoint, _literal(pins.get("FLOW")))
    path, _, _ = entrypoint.partition(":")
    yield Disagreement(f"{path} exists", expected=True, found=(root / path).is_file())
    yield Disagreement("deploy.py: TIMEZONE", answers["timezone"], _literal(pins.get("TIMEZONE")))
    source = "FolderSource" if answers["code_source"] == "local" else "GitSource"
    said = pins.get("SOURCE")
    address = said.args[0] if isinstance(said, ast.Call) and said.args else None
    yield Disagreement("deploy.py: SOURCE", (source, answers["repo_url"]), (_called(said), _literal(address)))
    yield from _in_environments(pins.get("ENVIRONMENTS"), answers)


def _in_environments(table: ast.expr | None, answers: Mapping[str, Any]) -> Iterator[Disagreement]:
    """Each deployment `<slug>-<environment>` is in the team's pool; only `prod` has the schedule."""
    found = dict(zip(table.keys, table.values, strict=True)) if isinstance(table, ast.Dict) else {}
    environments = {_literal(name): value for name, value in found.items()}
    slug, pools = answers["flow_slug"], naming.definition()["_work_pools"][answers["area"]]
    names = [f"{slug}-{environment}" for environment in pools]
    yield Disagreement("deploy.py: deployments", names, [f"{slug}-{name}" for name in environments])
    for name, pool in pools.items():
        place = f"deploy.py: ENVIRONMENTS[{name!r}]"
        yield Disagreement(f"{place}.work_pool", pool, _keyword(environments.get(name), "work_pool"))
        due = answers["schedule"] if name == "prod" and answers["schedule"] != naming.NO_SCHEDULE else None
        yield Disagreement(f"{place}.schedule", due, _keyword(environments.get(name), "schedule"))


def _functions(file: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions at the top of a module, by name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name: each for each in _parsed(file).body if isinstance(each, kinds)}


def _assignments(file: Path) -> dict[str, ast.expr]:
    """Return the values that a module gives to names at its top."""
    found = {}
    for each in _parsed(file).body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            found[each.targets[0].id] = each.value
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value:
            found[each.target.id] = each.value
    return found


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def _called(node: ast.expr | None) -> str | None:
    """Return the name of what `node` calls, `prefect.flow(...)` and `flow(...)` alike."""
    function = node.func if isinstance(node, ast.Call) else node
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _keyword(node: ast.expr | None, name: str) -> object:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return next((_literal(each.value) for each in keywords if each.arg == name), None)


def _literal(node: ast.expr | None) -> object:
    """Return a constant's value, and what is computed as its source."""
    if isinstance(node, ast.Constant):
        return node.value
    return ast.unparse(node) if node else None


def _strings(file: Path) -> dict[str, Any]:
    """Return the strings of a TOML file, by table: enough for the names, and Python 3.10 has no parser."""
    content: dict[str, Any] = {}
    table = content
    for line in file.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[([\w.-]+)\]", line):
            table = content
            for part in heading[1].split("."):
                table = table.setdefault(part, {})
        elif pair := re.fullmatch(r'"?([\w-]+)"? = (".*")', line):
            table[pair[1]] = ast.literal_eval(pair[2])
    return content
