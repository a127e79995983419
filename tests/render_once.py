"""Cookiecutter for the tests of updates: each version is rendered once, and copied where a test asks for it again.

    python tests/render_once.py FOLDER TEMPLATE OPTIONS... --output-dir OUTPUT ANSWERS...

What was rendered stays in FOLDER, by the address and the commit of the template, and the answers: twelve seconds of a
processor less. That the same answers give the same bytes is tested in test_generation.py.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path


def main(folder: str, template: str, *arguments: str) -> int:
    place = arguments.index("--output-dir") + 1
    output, answers = arguments[place], arguments[place + 1 :]
    made_of = [
        said_by_git(template, "remote", "get-url", "origin"),
        said_by_git(template, "rev-parse", "HEAD", "--show-prefix"),
    ]
    kept = Path(folder, hashlib.sha256(repr((made_of, answers)).encode()).hexdigest())
    if not kept.exists():
        status = subprocess.run(
            [sys.executable, "-m", "cookiecutter", template, *arguments], check=False
        ).returncode
        if status:
            return status
        shutil.copytree(output, kept)
    shutil.copytree(kept, output, dirs_exist_ok=True)
    return 0


def said_by_git(template: str, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", template, *arguments], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
