"""The library flow-ops in a generated repository: `vendor/flow_ops`, with the hashes of its files."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from flow_template import naming

if TYPE_CHECKING:
    from pathlib import Path

# In the format of sha256sum; flow_ops/updates.py reads it to tell that a file was changed.
HASHES = "vendor/flow_ops.sha256"
_TAKEN = ("LICENSE", "README.md", "pyproject.toml", "src")
_MADE_BY_PYTHON = shutil.ignore_patterns("__pycache__", "*.egg-info")


def embed(root: Path) -> None:
    """Copy the library into the repository in `root`, in the place of the one that is there."""
    library, target = naming.TEMPLATE / "flow_ops", root / "vendor" / "flow_ops"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in _TAKEN:
        if (library / name).is_dir():
            shutil.copytree(library / name, target / name, ignore=_MADE_BY_PYTHON)
        else:
            shutil.copyfile(library / name, target / name)
    # By the names themselves: paths of Windows take upper and lower case for the same, and the order is in the file.
    files = sorted((path for path in target.rglob("*") if path.is_file()), key=lambda path: path.parts)
    lines = [
        f"{hashlib.sha256(_lines(path)).hexdigest()}  {path.relative_to(target.parent).as_posix()}\n"
        for path in files
    ]
    (root / HASHES).write_text("".join(lines), encoding="ascii", newline="\n")


def _lines(file: Path) -> bytes:
    """Return the contents with the line ends of the template, whatever a checkout made of them."""
    return file.read_bytes().replace(b"\r\n", b"\n")
