"""The library inside a repository: `vendor/flow_ops`, with the hashes of its files.

The template's hook reads this file too, in cookiecutter's environment: the standard library is all that it needs.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

FOLDER = "vendor/flow_ops"
HASHES = f"{FOLDER}.sha256"  # in the format of sha256sum


def embed(made: Path, root: Path) -> None:
    """Put the library that stands in the folder `made` into the repository in `root`, with the hashes of its files."""
    target = root / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(made / "src", target / "src", ignore=ignored)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copyfile(made / name, target / name)
    # By the names themselves: paths of Windows take upper and lower case for the same, and the order is in the file.
    rows = [
        f"{digest(path)}  {path.relative_to(target.parent).as_posix()}\n"
        for path in sorted(files(target), key=lambda path: path.parts)
    ]
    (root / HASHES).write_text("".join(rows), encoding="ascii", newline="\n")


def files(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder`, but what Python and its installers make there."""
    for path in folder.rglob("*"):
        made = any(part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)
        if path.is_file() and not made:
            yield path


def digest(file: Path) -> str:
    """Return the SHA-256 of a file with the line ends of the template, whatever a checkout made of them."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
