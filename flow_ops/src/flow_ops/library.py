"""Where this repository gets flow-ops: its `vendor/`, a package index, or the template's git repository.

It is what `[tool.uv.sources]` of its `pyproject.toml` says; uv reads it, pip does not.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from flow_ops import messages
from flow_ops.embedding import FOLDER
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError

Kind = Literal["vendor", "index", "git"]

VENDORED = f'{{ path = "{FOLDER}", editable = true }}'
INDEXED = '{ index = "flow-ops" }'

_TABLE = re.compile(r"^(\[tool\.uv\.sources\]\n)((?:(?!\[).*\n)*)", re.MULTILINE)
_LINE = re.compile(r"^flow-ops\s*=.*\n", re.MULTILINE)
_INDEX = re.compile(r'^\[\[tool\.uv\.index\]\]\nname = "flow-ops"\n(?:[^#\[\n].*\n)*\n?', re.MULTILINE)


def source(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a `pyproject.toml` says of the library's place; nothing where it is uv's usual index."""
    found = document.get("tool", {}).get("uv", {}).get("sources", {}).get("flow-ops", {})
    return dict(found) if isinstance(found, Mapping) else {}


def kind(document: Mapping[str, Any]) -> Kind:
    said = source(document)
    return "git" if "git" in said else "vendor" if "path" in said or "workspace" in said else "index"


def line(said: Mapping[str, Any]) -> str | None:
    """Return a source as it is written in `pyproject.toml`; None for no source."""
    written = ", ".join(f"{name} = {json.dumps(value)}" for name, value in said.items())
    return f"{{ {written} }}" if said else None


def address(document: Mapping[str, Any]) -> str | None:
    """Return the address of the index that is for flow-ops alone; None where there is none."""
    indexes = document.get("tool", {}).get("uv", {}).get("index", [])
    return next((one["url"] for one in indexes if one.get("name") == "flow-ops"), None)


def git_address(document: Mapping[str, Any]) -> str | None:
    """Return the address of the git repository that has the library; None where it comes from elsewhere."""
    return str(source(document)["git"]) if kind(document) == "git" else None


def described(document: Mapping[str, Any]) -> str:
    """Return the place in a few words, for people."""
    said = source(document)
    tag = f", {said[name]}" if (name := _pinned(said)) else ""
    place = said.get("path") or without_credentials(str(said.get("git", ""))) or said.get("index") or ""
    return f"{kind(document)}  {place}{tag}".strip()


def problems(root: Path, document: Mapping[str, Any]) -> Iterator[FlowOpsError]:
    """Yield what is wrong with the place as it is written, without asking it."""
    said, vendored = source(document), (root / FOLDER / "pyproject.toml").is_file()
    where = kind(document)
    if (where == "vendor") != vendored and said.get("path", FOLDER) == FOLDER:
        yield FlowOpsError("FT-LIBRARY-01", where=described(document), folder=FOLDER)
    if where == "git":
        parts = urlsplit(str(said["git"]))
        secret = bool(parts.password or (parts.username and parts.scheme != "ssh"))
        if secret or parts.scheme == "http" or not _pinned(said):
            yield FlowOpsError("FT-LIBRARY-02", url=without_credentials(str(said["git"])))
    if where == "index" and allows(document, "1000"):
        yield FlowOpsError("FT-LIBRARY-03")


def _pinned(said: Mapping[str, Any]) -> str | None:
    return next((name for name in ("tag", "rev") if name in said), None)


def allows(document: Mapping[str, Any], version: str) -> bool:
    """Say whether the bounds in `dependencies` let a version in."""
    return all(one.specifier.contains(version) for one in _requirements(document))


def is_needed(document: Mapping[str, Any]) -> bool:
    return bool(_requirements(document))


def _requirements(document: Mapping[str, Any]) -> list[Requirement]:
    written = map(Requirement, document.get("project", {}).get("dependencies", []))
    return [one for one in written if one.name.lower() == "flow-ops"]


def update_command(document: Mapping[str, Any], version: str | None) -> str:
    """Return the one command that brings a release, where the library comes from elsewhere; an index has its own."""
    if kind(document) == "git":
        return f"uv add flow-ops --tag v{version}"
    return "uv lock --upgrade-package flow-ops"


def moved(file: Path, said: str | None, index: str | None = None) -> str:
    """Return a `pyproject.toml` with the library from elsewhere, and nothing else of it changed.

    Args:
        file: The `pyproject.toml`.
        said: What stands behind `flow-ops =` in its `[tool.uv.sources]`; None for no such line.
        index: The address of an index for flow-ops alone.

    Raises:
        FlowOpsError: FT-LIBRARY-04 where the file is written in a way that cannot be edited so.
    """
    text = file.read_text(encoding="utf-8")
    wanted: dict[str, Any] = copy.deepcopy(tomllib.loads(text))
    uv = wanted.setdefault("tool", {}).setdefault("uv", {})
    sources = uv.setdefault("sources", {})
    sources.pop("flow-ops", None)
    if said:
        sources |= tomllib.loads(f"flow-ops = {said}")
    indexes = [one for one in uv.pop("index", []) if one.get("name") != "flow-ops"]
    if index:
        indexes.append({"name": "flow-ops", "url": index, "explicit": True})
    if indexes:
        uv["index"] = indexes

    text = _INDEX.sub("", text).rstrip() + "\n"
    if not _TABLE.search(text):
        text = text.replace("[tool.flow-ops]\n", "[tool.uv.sources]\n\n[tool.flow-ops]\n", 1)
    ours = f"flow-ops = {said}\n" if said else ""
    text = _TABLE.sub(lambda table: f"{table[1]}{ours}{_LINE.sub('', table[2])}", text, count=1)
    if index:
        block = f'[[tool.uv.index]]\nname = "flow-ops"\nurl = "{index}"\nexplicit = true\n'
        text = f"{text}\n{block}"
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(text) == wanted:
            return text
    raise FlowOpsError("FT-LIBRARY-04", line=ours.strip() or messages.text("source.no-line"))
