"""Second barrier: the answers are looked at again before a file is written, whatever way they came.

Runs rendered, from a temporary file: answers and the template's folder are data, the rest is plain Python.
"""

import json
import sys
from pathlib import Path
from typing import Any

ANSWERS: dict[str, Any] = json.loads(r"""{{ cookiecutter | jsonify }}""")
sys.path.insert(0, json.loads(r""" {{ template_folder | jsonify }} """))
# {% raw %}

from hooks import naming, refusal  # noqa: E402


def main() -> int:
    """Return 1, with everything that is wrong on the terminal, where an answer breaks a rule."""
    found = naming.problems(ANSWERS)
    if found:
        call = refusal.Invocation(template=str(ANSWERS.get("_template") or naming.TEMPLATE))
        sys.stderr.write(refusal.fit(refusal.refusal(found, ANSWERS, call), sys.stderr) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        Path(__file__).unlink()  # cookiecutter leaves its rendered copy, answers included, in the temp folder
# {% endraw %}
