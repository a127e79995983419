"""Second barrier: the answers are looked at again before a file is written, whatever way they came.

Runs rendered, from a temporary file. The rules were applied as it was rendered, where they were loaded
already; what they found comes in as data, and the rest is plain Python.
"""

import os
import sys

REFUSAL = r""" {{ cookiecutter | refusal | jsonify }} """
TEMPLATE = r""" {{ template_folder | jsonify }} """
PACKAGE = r""" {{ cookiecutter.__package | jsonify }} """
# {% raw %}


def main(folder: str) -> int:
    """Return 1, with everything that is wrong on the terminal, where an answer breaks a rule."""
    if REFUSAL.strip() != '""':
        return refuse()
    if os.listdir(folder):  # noqa: PTH208
        keep(folder)
    return 0


# The user waits for each import: most runs need none of these.


def refuse() -> int:
    """Say everything that is wrong, also on a console that cannot show it all."""
    import json  # noqa: PLC0415

    encoding = sys.stderr.encoding
    sys.stderr.write(json.loads(REFUSAL).encode(encoding, "replace").decode(encoding))
    return 1


def keep(folder: str) -> None:
    """Generation goes over an existing folder (`-f`): let it be undone if it fails."""
    import json  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    sys.path.insert(0, json.loads(TEMPLATE))
    from hooks import overwrite  # noqa: PLC0415

    overwrite.keep(Path(folder), json.loads(PACKAGE))


if __name__ == "__main__":
    try:
        sys.exit(main(os.getcwd()))  # noqa: PTH109
    finally:
        os.unlink(__file__)  # noqa: PTH108 - cookiecutter leaves its rendered copy in the temp folder
# {% endraw %}
