"""Which files are the template's own, with a hash of each: a repository can tell that one was changed."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Read by flow_ops/updates.py.
FILE = "src/flow_ops/managed.json"


def record(root: Path, answers: Mapping[str, Any]) -> None:
    """Write the SHA-256 of every file that the template copies without rendering."""
    folders = {pattern.rpartition("/")[0] for pattern in answers["_copy_without_render"]}
    files = sorted(path.relative_to(root).as_posix() for each in folders for path in (root / each).iterdir())
    managed = [name for name in files if any(fnmatch(name, each) for each in answers["_copy_without_render"])]
    hashes = {name: hashlib.sha256(_lines(root / name)).hexdigest() for name in managed}
    (root / FILE).write_text(json.dumps(hashes, indent=2) + "\n", encoding="ascii", newline="\n")


def _lines(file: Path) -> bytes:
    """Return the contents with the line ends of the template, whatever a checkout made of them."""
    return file.read_bytes().replace(b"\r\n", b"\n")
