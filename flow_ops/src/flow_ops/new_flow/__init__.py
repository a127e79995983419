"""A flow of one's own: another one in this repository, or one in the place of the sample (`sample.py`).

    uv run flow-ops new-flow nightly-stock

What it writes is the team's own from then on. It names what it wrote, and undoes nothing: git does.
"""

from __future__ import annotations

import builtins
import keyword
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from flow_ops import git, project
from flow_ops.messages import FlowOpsError, text

if TYPE_CHECKING:
    from flow_ops.deploy.pins import Deployments

# Names that the module of the flow uses itself.
TAKEN = {"flow", "get_logger", "logger", "main", "read_items", "run_flow", "task"}
# Windows keeps these for devices, in any folder and with any suffix.
DEVICES = {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
# The places made for another flow: up to where its lines go, and how they begin.
IN_DEPLOY = re.compile(r"^FLOWS = \{\n(?: .*\n)*", re.MULTILINE)
IN_PYPROJECT = re.compile(r"^\[project\.scripts\]\n(?:[^\[\n].*\n)*", re.MULTILINE)


def add(slug: str) -> list[str]:
    """Write another flow, `slug`; return, line by line, what was written and what is next.

    Nothing is written unless everything can be.

    Raises:
        FlowOpsError: FT-NEW-01 for a name that cannot be one, FT-NEW-02 where a file or command of that name
            exists, FT-NEW-03 where `deploy.py` or `pyproject.toml` has no place for it.
    """
    function, about = function_of(slug), project.current()
    root, package = about.root, about.package
    module, test = root / "src" / package / f"{function}.py", root / "tests" / f"test_{function}.py"
    deploy, pyproject = root / "deploy.py", root / "pyproject.toml"
    refuse_taken(root, slug, module, module.with_suffix(""), test)

    pins = pins_of(deploy)
    entrypoint = f"src/{package}/{function}.py:{function}"
    pools = "".join(
        f'        "{name}": Environment(work_pool="{environment.work_pool}"),\n'
        for name, environment in next(iter(pins.flows.values())).items()
    )
    command = f'"{slug}" = "{package}.{function}:main"\n'
    names = {"slug": slug, "package": package, "module": function, "function": function}
    written = {
        module: filled("flow", names),
        test: filled("test", names),
        deploy: _with(deploy, IN_DEPLOY, "FLOWS = {", f'    "{entrypoint}": {{\n{pools}    }},\n'),
        pyproject: _with(pyproject, IN_PYPROJECT, "[project.scripts]", command),
    }
    write(written)
    return said(written, slug, pins)


def function_of(slug: str) -> str:
    """Return the name of the flow's function and module.

    Raises:
        FlowOpsError: FT-NEW-01 where `slug` cannot be all that it has to be.
    """
    function, problem = slug.replace("-", "_"), ""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) or not 3 <= len(slug) <= 40:
        problem = "new-flow.shape"
    elif slug.startswith("prefect") or slug in DEVICES:
        problem = "new-flow.reserved"
    elif keyword.iskeyword(function) or keyword.issoftkeyword(function) or hasattr(builtins, function):
        problem = "new-flow.python"
    elif function in TAKEN or function in sys.stdlib_module_names:
        problem = "new-flow.taken"
    if problem:
        raise FlowOpsError("FT-NEW-01", name=slug, problem=text(problem))
    return function


def refuse_taken(root: Path, slug: str, *files: Path) -> None:
    """Raise FT-NEW-02 where one of these files, or a command `slug`, exists."""
    for file in files:
        if file.exists():
            raise FlowOpsError("FT-NEW-02", place=file.relative_to(root).as_posix())
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    if slug in document["project"].get("scripts", {}):
        raise FlowOpsError("FT-NEW-02", place=f"pyproject.toml: [project.scripts] {slug}")


def pins_of(deploy: Path) -> Deployments:
    """Return what `deploy.py` says."""
    pins: Deployments = runpy.run_path(str(deploy))["DEPLOYMENTS"]
    return pins


def entrypoint_of(pins: Deployments) -> str:
    """Return the first flow of `deploy.py`."""
    return next(iter(pins.flows))


def filled(name: str, names: Mapping[str, str]) -> str:
    """Return one of the template files with these names in it."""
    return Template(files(__name__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")).substitute(names)


def write(contents: Mapping[Path, str]) -> None:
    """Write the files, with the line ends of the template."""
    for file, content in contents.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8", newline="\n")


def said(written: Iterable[Path], slug: str, pins: Deployments) -> list[str]:
    """Return what was written, and the steps from there to a plan, as they can be typed."""
    root, environment = project.current().root, next(iter(next(iter(pins.flows.values()))))
    branch = getattr(pins.source, "branch", None)  # None: a folder
    remote = _remote(root)
    steps = [
        f"uv run {slug}",
        "git add --all",
        "uv run pytest",
        f'git commit --message "{text("new-flow.message", name=slug)}"',
        *([f"git push {remote} HEAD:{branch}"] if branch and remote else []),
        f"uv run deploy.py plan {environment}",
    ]
    names = [file.relative_to(root).as_posix() for file in written]
    lines = [text("new-flow.written"), *names, "", text("new-flow.next"), *steps]
    return [f"  {line}" if line in (*names, *steps) else line for line in lines]


def _remote(root: Path) -> str | None:
    """Return the remote that one pushes to; None where there is none yet."""
    try:
        remotes = git.run(root, "remote").split()
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None
    return "origin" if "origin" in remotes else next(iter(remotes), None)


def _with(file: Path, place: re.Pattern[str], named: str, lines: str) -> str:
    content = file.read_text(encoding="utf-8")
    if (found := place.search(content)) is None:
        raise FlowOpsError("FT-NEW-03", file=file.name, place=named, lines=f"\n{lines}")
    return content[: found.end()] + lines + content[found.end() :]
