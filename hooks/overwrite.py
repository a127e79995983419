"""Generating over an existing folder (`-f`): what was there comes back if generation fails.

The files that the template is about to overwrite are kept aside in the folder
itself, at hand even if the machine stops in between; the next run begins by bringing them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hooks import embed, naming

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = ".flow-template-kept"


def keep(root: Path, package: str) -> None:
    """Copy aside every file of `root` that the template has too."""
    restore(root, package)
    for name in _written(package):
        if (root / name).is_file():
            _copy(root / name, root / _KEPT / name)


def restore(root: Path, package: str) -> None:
    """Undo a generation over `root`, if there was one: bring back what was kept, remove what is new."""
    kept = root / _KEPT
    if not kept.is_dir():
        return
    for name in _written(package):
        if (kept / name).is_file():
            _copy(kept / name, root / name)
        else:
            (root / name).unlink(missing_ok=True)
    forget(root)


def forget(root: Path) -> None:
    """Remove what was kept, once generation succeeded."""
    if (root / _KEPT).is_dir():
        import shutil  # noqa: PLC0415 - most runs do without

        shutil.rmtree(root / _KEPT)


def _written(package: str) -> list[str]:
    """Return the paths, relative to a repository, of all that generation writes."""
    inside = naming.TEMPLATE / "{{cookiecutter.flow_slug}}"
    files = (path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file())
    return [
        ".cruft.json",
        embed.HASHES,
        *(name.replace("{{cookiecutter.__package}}", package) for name in files),
    ]


def _copy(source: Path, target: Path) -> None:
    import shutil  # noqa: PLC0415 - most runs do without

    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
