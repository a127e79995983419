"""The library inside a repository: `vendor/flow_ops`, with the hashes of its files.

The template's hook reads this file too, in cookiecutter's environment: the standard library is all that it needs.
"""

import hashlib
import shutil
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
    rows = [f"{digest(root / name)}  {name.removeprefix('vendor/')}\n" for name in names(root)]
    (root / HASHES).write_text("".join(rows), encoding="ascii", newline="\n")


def names(root: Path) -> list[str]:
    """Return the files of the library in the repository in `root`, but what Python and its installers make there.

    In the order of their names: paths of Windows take upper and lower case for the same, and the order is in the file.
    """
    found = [path.relative_to(root).parts for path in (root / FOLDER).rglob("*") if path.is_file()]
    return ["/".join(parts) for parts in sorted(found) if not any(map(_is_made, parts))]


def _is_made(part: str) -> bool:
    return part == "__pycache__" or part.endswith(".egg-info")


def digest(file: Path) -> str:
    """Return the SHA-256 of a file with the line ends of the template, whatever a checkout made of them."""
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
