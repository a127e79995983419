"""Another place for the library of a repository that exists: `flow-ops source vendor|index|git`.

Everything that may fail comes before the first change. Nothing is committed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import ExitStack, suppress
from importlib import metadata
from pathlib import Path

from flow_ops import embedding, library, project, signals, updates
from flow_ops.hidden import without_credentials
from flow_ops.messages import FlowOpsError, text


def move(to: library.Kind, index: str | None = None) -> list[str]:
    """Take the library from elsewhere from now on; return what was done and what is next, line by line.

    Args:
        to: The new place.
        index: With `to="index"`: the address of an index that has it; None for the one that uv reads anyway.

    Raises:
        FlowOpsError: FT-UPDATE-01 or FT-LIBRARY-05 where a change of the team in `vendor/` would be lost,
            FT-UPDATE-02 and -03 where the template cannot be read, FT-LIBRARY-07 where it has no release of this
            version, FT-LIBRARY-04 and -06 where a file cannot be changed, FT-LIBRARY-08 for an address that is none.
    """
    root, document = project.current().root, project.current().pyproject
    now = library.kind(document)
    if index is not None and (to != "index" or not re.fullmatch(r"https?://[^\s\"\\@]+", index)):
        raise FlowOpsError("FT-LIBRARY-08", address=without_credentials(index))
    if now == to and index is None:
        return [text("source.already", where=library.described(document))]
    if now == "vendor":
        updates.check_vendored()
        if owned := updates.owned_files():
            raise FlowOpsError("FT-LIBRARY-05", files=", ".join(owned))
    said = [text("source.done", to=to), text("source.next", message=text("source.message", to=to))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        line = {"vendor": library.VENDORED, "index": library.INDEXED if index else None}.get(to)
        if to == "git":
            line = _git_line()
        content = library.moved(root / "pyproject.toml", line, index)
        if to == "vendor":
            updates.embed_release(metadata.version("flow-ops"), Path(folder))
        _replace(root, Path(folder), content)
    return said


def _git_line() -> str:
    made_by, version = updates.origin(), metadata.version("flow-ops")
    updates.require_release(version)
    place = "/".join(filter(None, (made_by.directory, "flow_ops")))
    return f'{{ git = "{_as_url(made_by.template)}", subdirectory = "{place}", tag = "v{version}" }}'


def _as_url(address: str) -> str:
    """Return the template's address as uv wants it: it does not take `git@host:path`, nor a folder."""
    if "://" in address:
        return address
    if found := re.fullmatch(r"([\w.-]+@[\w.-]+):(?!\\)(.+)", address):
        return f"ssh://{found[1]}/{found[2].lstrip('/')}"
    return Path(address).resolve().as_uri()


def _replace(root: Path, new: Path, pyproject: str) -> None:
    """Write `pyproject.toml`, and make `vendor/` what stands in the folder `new`: all of it, or nothing."""
    file, old = root / "pyproject.toml", new / "old"
    with signals.undisturbed(), ExitStack() as undo:
        undo.callback(file.write_bytes, file.read_bytes())
        try:
            for name in (embedding.FOLDER, embedding.HASHES):
                for source, target in ((root / name, old / name), (new / name, root / name)):
                    if source.exists():
                        target.parent.mkdir(parents=True, exist_ok=True)
                        undo.callback(
                            shutil.rmtree, target, ignore_errors=True
                        )  # Half a copy, from another disk.
                        shutil.move(source, target)
                        undo.callback(shutil.move, target, source)
            file.write_text(pyproject, encoding="utf-8", newline="\n")
        except OSError as error:
            raise FlowOpsError("FT-LIBRARY-06", reason=error) from None
        undo.pop_all()
        with suppress(OSError):  # Something of the team's is in it too.
            (root / "vendor").rmdir()
