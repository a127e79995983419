"""A small flow in the place of the sample: the sample's files go, and the repository takes the flow's name.

    uv run flow-ops new-flow nightly-stock --replace-sample
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from flow_ops import git, new_flow, project
from flow_ops.messages import FlowOpsError, text

SAMPLE = ("__init__.py", "__main__.py", "flow.py", "tasks.py", "data/orders.csv")
TESTS = ("tests/test_flow.py", "tests/test_tasks.py")
# What is of the sample alone: parts of README.md, and dependencies in pyproject.toml.
OF_THE_SAMPLE = re.compile(
    r"<!-- sample -->\n[\s\S]*?<!-- end of sample -->\n\n?"
    r'|^    # Of the sample: .*\n(?:    "(?:pydantic|sqlalchemy)[<>=].*\n)+',
    re.MULTILINE,
)
# Where the names stand that change with the flow's, in all files that have any.
SLUGS = (
    r'(?<=^name = "){}(?=")|(?<=^"){}(?=" = ")|(?<="flow_slug": "){}(?=")'
    r"|(?<=uv run ){}(?![\w-])|(?<=--flow ){}(?![\w-])|{}(?=\.log)|(?<=`){}(?=`)"
)
PACKAGES = (
    r'(?<=^package = "){}(?=")|(?<=^module-name = "){}(?=")|(?<=^packages = \["){}(?=")'
    r'|{}(?=\.__main__:main")|(?<=src/){}(?=/)|(?<=flow\.py:){}(?=")'
)


def replace(slug: str) -> list[str]:
    """Put a small flow, `slug`, in the place of the sample; return what was written and what is next.

    Nothing is changed unless all of it can be, and unless git can bring it back.

    Raises:
        FlowOpsError: FT-NEW-01 for a name that cannot be one; FT-NEW-04 where the sample is gone, where something is
            not committed, or where another name would leave modules behind that know the package by its old one.
    """
    function, about = new_flow.function_of(slug), project.current()
    root, before = about.root, about.root / "src" / about.package
    _refuse(root, before, rename=slug != about.slug)

    pins, package = new_flow.pins_of(root / "deploy.py"), before.with_name(function)
    names = {"slug": slug, "package": function, "module": "flow", "function": function}
    contents = {file: new_flow.filled(name, names) for name, file in (
        ("flow", package / "flow.py"), ("main", package / "__main__.py"), ("test", root / TESTS[0])
    )}
    for name in ("deploy.py", "pyproject.toml", "README.md", ".cruft.json"):
        if (root / name).is_file():
            contents[root / name] = _renamed((root / name).read_text(encoding="utf-8"), about, slug, function)
    # An update never brings the sample back.
    pyproject = root / "pyproject.toml"
    owned = ", ".join(f'"{each}"' for each in (f"src/{function}/*", *TESTS))
    contents[pyproject] = contents[pyproject].replace('skip = [".git"]', f'skip = [".git", {owned}]')

    (before / "tasks.py").unlink()
    shutil.rmtree(before / "data")
    (root / TESTS[1]).unlink()
    before.rename(package)
    new_flow.write(contents)
    return new_flow.said(contents, slug, pins)
