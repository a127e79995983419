"""Second barrier: the answers are looked at again before a file is written, whatever way they came.

Runs rendered, from a temporary file. The rules were applied as it was rendered, where they were loaded
already; what they found comes in as data, and the rest is plain Python.
"""

import os
import sys

REFUSAL = r""" {{ cookiecutter | refusal | jsonify }} """
# {% raw %}


def main() -> int:
    """Return 1, with everything that is wrong on the terminal, where an answer breaks a rule."""
    if REFUSAL.strip() == '""':
        return 0
    import json  # noqa: PLC0415 - only on the way out: the user waits for each import

    encoding = sys.stderr.encoding
    sys.stderr.write(json.loads(REFUSAL).encode(encoding, "replace").decode(encoding))
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        os.unlink(__file__)  # noqa: PTH108 - cookiecutter leaves its rendered copy in the temp folder
# {% endraw %}
