"""The names in what was generated, read back by parsing: they must be those of the answers, everywhere."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from flow_template import naming, schedule


def disagreements(root: Path, answers: naming.Answers) -> list[tuple[str, object, object]]:
    """Return each place of the repository in `root` that disagrees with `answers`: expected, and found."""
    try:
        return [each for each in _compared(root, answers) if each[1] != each[2]]
    except (OSError, SyntaxError, ValueError) as unreadable:
        return [(str(getattr(unreadable, "filename", "pyproject.toml")), "readable", repr(unreadable))]


def _compared(root: Path, answers: naming.Answers) -> Iterator[tuple[str, object, object]]:
    slug, package = answers["flow_slug"], naming.package_of(answers["flow_slug"])
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project, table = content.get("project", {}), content.get("tool", {}).get("flow-ops", {})
    yield "folder", slug, root.name
    yield "pyproject.toml: project.name", slug, project.get("name")
    yield "pyproject.toml: project.description", answers["description"], project.get("description")
    yield "pyproject.toml: project.scripts", {slug: f"{package}.__main__:main"}, project.get("scripts")
    yield "pyproject.toml: tool.flow-ops.package", package, table.get("package")
    for name in sorted({"language", "area", "timezone"} | {*table} & {*naming.questions()}):
        yield f"pyproject.toml: tool.flow-ops.{name}", answers[name], table.get(name)

    files = (f"src/{package}/flow.py", f"src/{package}/__main__.py", "deploy.py")
    flow, main, deploy = (_statements(root / file) for file in files)
    defined = rf"@flow\(name={slug!r}.*\n(async )?def {package}\("
    yield f"src/{package}/flow.py: @flow(name=)", True, any(re.match(defined, each) for each in flow)
    yield f"src/{package}/__main__.py: main", True, any(each.startswith("def main(") for each in main)
    for name, expected in _pins(package, answers).items():
        found = next((each for each in deploy if each.startswith(f"{name} = ")), None)
        same = found and found.startswith(f"{name} = {expected}")
        yield f"deploy.py: {name}", f"{name} = {expected}", f"{name} = {expected}" if same else found


def _pins(package: str, answers: naming.Answers) -> dict[str, str]:
    """Return how each pin of `deploy.py` begins; only `prod` has the schedule."""
    kind = "FolderSource" if answers["code_source"] == "local" else "GitSource"
    pools = naming.definition()["_work_pools"][answers["area"]]
    arguments = {name: f"work_pool={pool!r}" for name, pool in pools.items()}
    if answers["schedule"] != schedule.NONE:
        arguments["prod"] += f", schedule={answers['schedule']!r}"
    environments = [f"{name!r}: Environment({each})" for name, each in arguments.items()]
    return {
        "FLOW": repr(f"src/{package}/flow.py:{package}"),
        "TIMEZONE": repr(answers["timezone"]),
        "SOURCE": f"{kind}({answers['repo_url']!r}",
        "ENVIRONMENTS": f"{{{', '.join(environments)}}}",
    }


def _statements(file: Path) -> list[str]:
    """Return the statements of a module, each as Python itself would write it, whatever their layout."""
    return [ast.unparse(each) for each in ast.parse(file.read_text("utf-8"), filename=str(file)).body]
