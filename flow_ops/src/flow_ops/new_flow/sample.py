"""A small flow in the place of the sample, whose files go; repository and package keep their names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from flow_ops import git, new_flow, project
from flow_ops.messages import FlowOpsError

WRITTEN_ANEW = ("src/{package}/flow.py", "src/{package}/__main__.py", "tests/test_flow.py")
DELETED = ("src/{package}/tasks.py", "src/{package}/data/orders.csv", "tests/test_tasks.py")
# How the lines of pyproject.toml begin that only the sample needs.
DEPENDENCIES = ("# The flow's own imports", '"pydantic>', '"sqlalchemy>')
# How many files a refusal names: before the first commit all of them stand in the way.
SHOWN = 10
# What README.md says of the sample alone.
PARAGRAPHS = re.compile(r"<!-- sample -->\n.*?<!-- end of sample -->\n\n?", re.DOTALL)


def replace(slug: str) -> str:
    """Put a small flow, `slug`, in the place of the sample; return what was written and what is next.

    Nothing is changed unless all of it can be, and unless git can bring it back.

    Raises:
        FlowOpsError: FT-NEW-01 for a name that cannot be one, FT-NEW-02 where another flow has it, FT-NEW-04 where the
            sample is gone, FT-NEW-05 where git could not bring back what is replaced.
    """
    function, about = new_flow.function_of(slug), project.current()
    root, package = about.root, about.package
    flow, main, test = written = [root / name.format(package=package) for name in WRITTEN_ANEW]
    deleted = [root / name.format(package=package) for name in DELETED]
    _refuse(root, [*written, *deleted])
    # The command has the flow's name, and the sample's has the repository's.
    if slug != about.slug:
        new_flow.refuse_taken(slug)

    deploy, pyproject, readme = (root / name for name in ("deploy.py", "pyproject.toml", "README.md"))
    pins = new_flow.declared()
    before = next(iter(pins.flows))
    names = {"slug": slug, "package": package, "module": "flow", "function": function}
    contents = {
        flow: new_flow.filled("flow", names),
        main: new_flow.filled("main", names),
        test: new_flow.filled("test", names),
        deploy: _read(deploy).replace(before, f"{before.rpartition(':')[0]}:{function}"),
        pyproject: _without_the_sample(_read(pyproject), about, slug),
        readme: _of_the_flow(_read(readme), about.slug, slug),
    }
    for file in deleted:
        file.unlink()
    if not any((data := deleted[1].parent).iterdir()):
        data.rmdir()
    return new_flow.write(contents, slug, pins, deleted)


def _refuse(root: Path, sample: list[Path]) -> None:
    names = [file.relative_to(root).as_posix() for file in sample]
    if gone := [name for name in names if not (root / name).is_file()]:
        raise FlowOpsError("FT-NEW-04", files=", ".join(gone))
    try:
        tracked = git.run(root, "ls-files", "-z", "--", *names).split("\0")
        changed = git.changed(root)
    except (OSError, subprocess.SubprocessError) as error:
        raise git.refusal(error, root) from None
    unsafe = list(dict.fromkeys([*changed, *(name for name in names if name not in tracked)]))
    if unsafe:
        raise FlowOpsError("FT-NEW-05", files=git.listed(unsafe, SHOWN))


def _without_the_sample(pyproject: str, about: project.Project, slug: str) -> str:
    lines = pyproject.splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.lstrip().startswith(DEPENDENCIES))
    # An update of the template never brings the sample back.
    owned = [f'    "{name.format(package=about.package)}",\n' for name in (*WRITTEN_ANEW, *DELETED)]
    kept = kept.replace('skip = [".git"]', f'skip = [\n    ".git",\n{"".join(owned)}]')
    return kept.replace(f'\n"{about.slug}" = ', f'\n"{slug}" = ')


def _of_the_flow(readme: str, before: str, slug: str) -> str:
    rest = PARAGRAPHS.sub("", readme)
    # A name may be the beginning of a longer one.
    return re.sub(rf"(uv run |--flow ){re.escape(before)}(?![\w-])", rf"\g<1>{slug}", rest)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
