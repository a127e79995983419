"""Another flow in this repository; `sample.py` puts one in the place of the sample. Only git undoes what is written."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from flow_ops import git, project, shell
from flow_ops.messages import FlowOpsError, text

if TYPE_CHECKING:
    from flow_ops.deploy.pins import Deployments

# What a module or a function of that name would hide: of Python, and of the flow's own module.
TAKEN = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *sys.stdlib_module_names}
TAKEN |= {"flow", "get_logger", "logger", "main", "read_items", "run_flow", "task"}


def add(slug: str) -> str:
    """Write another flow, `slug`, unless something is in its place; return what was written and what is next.

    Raises:
        FlowOpsError: FT-NEW-01 for a name that cannot be one, FT-NEW-02 where a file or command of that name
            exists, FT-NEW-03 where `deploy.py` or `pyproject.toml` has no place for it.
    """
    function, about = function_of(slug), project.current()
    root, package = about.root, about.package
    module, test = root / "src" / package / f"{function}.py", root / "tests" / f"test_{function}.py"
    deploy, pyproject = root / "deploy.py", root / "pyproject.toml"
    refuse_taken(slug, module, module.with_suffix(""), test)
    pins = declared()
    pools = "".join(
        f'        "{name}": Environment(work_pool="{environment.work_pool}"),\n'
        for name, environment in next(iter(pins.flows.values())).items()
    )
    entry = f'    "src/{package}/{function}.py:{function}": {{\n{pools}    }},\n'
    command = f'"{slug}" = "{package}.{function}:main"\n'
    names = {"slug": slug, "package": package, "module": function, "function": function}
    contents = {
        module: filled("flow", names),
        test: filled("test", names),
        deploy: _added(deploy, "FLOWS = {", entry),
        pyproject: _added(pyproject, "[project.scripts]", command),
    }
    return write(contents, slug, pins)


def declared() -> Deployments:
    """Return the deployments of this repository, the first of which says the pools of another flow; raise as `pins.read`.

    Raises:
        FlowOpsError: FT-NEW-03 where there is none.
    """
    from flow_ops.deploy import pins  # noqa: PLC0415 - Prefect, which most commands of flow-ops do without

    found = pins.read()
    if not next(iter(found.flows.values()), None):
        place, lines = "FLOW: ENVIRONMENTS", "FLOWS = {FLOW: ENVIRONMENTS}"
        raise FlowOpsError("FT-NEW-03", file="deploy.py", place=place, lines=lines)
    return found


def function_of(slug: str) -> str:
    """Return the name of the flow's function and module; FT-NEW-01 where `slug` cannot be all that it has to be."""
    function = slug.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) or not 3 <= len(slug) <= 40:
        raise FlowOpsError("FT-NEW-01", name=slug, problem=text("new-flow.shape"))
    # Windows keeps some names for devices, in any folder and with any suffix.
    if function in TAKEN or re.fullmatch(r"prefect.*|aux|con|nul|prn|(com|lpt)\d", slug):
        raise FlowOpsError("FT-NEW-01", name=slug, problem=text("new-flow.taken"))
    return function


def refuse_taken(slug: str, *files: Path) -> None:
    """Raise FT-NEW-02 where one of these files, or a command `slug`, exists."""
    about = project.current()
    taken = [file.relative_to(about.root).as_posix() for file in files if file.exists()]
    if slug in about.pyproject["project"].get("scripts", {}):
        taken.append(f"pyproject.toml: [project.scripts] {slug}")
    if taken:
        raise FlowOpsError("FT-NEW-02", place=taken[0])


def filled(name: str, names: Mapping[str, str]) -> str:
    """Return one of the template files with these names in it, and what people read in the UI in their language."""
    read = {key: text(f"new-flow.{key}") for key in ("summary", "limit", "logged")}
    content = Path(__file__).with_name(f"{name}.py.tmpl").read_text(encoding="utf-8")
    return Template(content).substitute(names, **read)


def write(contents: Mapping[Path, str], slug: str, pins: Deployments, deleted: Sequence[Path] = ()) -> str:
    """Write the files of the flow; return what was done, and the steps from there to a plan, as they can be typed."""
    root = project.current().root
    done = {}
    for file, content in contents.items():
        if not file.exists() or file.read_text("utf-8") != content:
            file.parent.mkdir(exist_ok=True)
            file.write_text(content, encoding="utf-8", newline="\n")
            done[file] = ""
    done |= dict.fromkeys(deleted, f" ({text('new-flow.deleted')})")
    files = "".join(f"\n  {file.relative_to(root).as_posix()}{note}" for file, note in done.items())
    if folder := getattr(pins.source, "path", None):
        push = f"\n  git -C {shell.arguments([folder])} pull" if Path(folder, ".git").exists() else ""
    else:
        push = f"\n  git push {remote} HEAD" if (remote := git.remote(root)) else ""
    environment = next(iter(next(iter(pins.flows.values()))))
    return text("new-flow.written", root=root, files=files, slug=slug, push=push, environment=environment)


def _added(file: Path, heading: str, lines: str) -> str:
    """Return the contents of `file` with these lines at the end of what stands below `heading`."""
    content = file.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(heading)}\n([^\[}}\n].*\n)*", content, re.MULTILINE)
    if found is None:
        raise FlowOpsError("FT-NEW-03", file=file.name, place=heading, lines=f"\n{lines}")
    return content[: found.end()] + lines + content[found.end() :]
