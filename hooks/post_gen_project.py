"""After generation: check the names in what was written, record where it came from, say what is next.

Runs rendered, from a temporary file, in the generated folder: the answers and the template's folder are
data, the rest is plain Python. No network, no installs, and nothing of the project is deleted.
"""

import json
import sys
from pathlib import Path
from typing import Any

ANSWERS: dict[str, Any] = json.loads(r"""{{ cookiecutter | jsonify }}""")
sys.path.insert(0, json.loads(r""" {{ template_folder | jsonify }} """))
# {% raw %}

from hooks import agreement, managed, origin, overwrite, welcome  # noqa: E402


def main(root: Path) -> int:
    """Return 1, with the reasons, where the generated names disagree: cookiecutter then deletes all."""
    found = agreement.disagreements(root, ANSWERS)
    if found:
        overwrite.restore(root, ANSWERS["__package"])
        welcome.tell(sys.stderr, agreement.report(found, ANSWERS["language"]))
        return 1
    overwrite.forget(root)
    managed.record(root, ANSWERS)
    if "_commit" in ANSWERS:  # cruft generates: it keeps its own record, and compares folders without .git
        return 0
    recorded = origin.record(root, ANSWERS)
    welcome.tell(
        sys.stdout, welcome.next_steps(root, ANSWERS, recorded=recorded, versioned=origin.git_init(root))
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path.cwd()))
    finally:
        Path(__file__).unlink()  # cookiecutter leaves its rendered copy, answers included, in the temp folder
# {% endraw %}
