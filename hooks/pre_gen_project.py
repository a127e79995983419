"""Second barrier: the answers are looked at again before a file is written, whatever way they came.

Runs rendered, from a temporary file. The rules were applied as it was rendered, where they were loaded
already; what they found comes in as data, and the rest is plain Python.
"""

import os
import sys

REFUSAL = "{{ cookiecutter | refusal | escaped }}"
TEMPLATE = "{{ cookiecutter | template_folder | escaped }}"
PACKAGE = "{{ cookiecutter.__package | escaped }}"


def main(folder: str) -> int:
    """Return 1, with everything that is wrong on the terminal, where an answer breaks a rule."""
    if REFUSAL:
        encoding = sys.stderr.encoding
        sys.stderr.write(REFUSAL.encode(encoding, "replace").decode(encoding))
        return 1
    if os.listdir(folder):  # noqa: PTH208
        keep(folder)
    return 0


def keep(folder: str) -> None:
    """Generation goes over an existing folder (`-f`): let it be undone if it fails."""
    from pathlib import Path  # noqa: PLC0415 - the user waits for each import: most runs need none of these

    sys.path.insert(0, TEMPLATE)
    from hooks import overwrite  # noqa: PLC0415

    overwrite.keep(Path(folder), PACKAGE)


if __name__ == "__main__":
    try:
        sys.exit(main(os.getcwd()))  # noqa: PTH109
    finally:
        os.unlink(__file__)  # noqa: PTH108 - cookiecutter leaves its rendered copy in the temp folder
