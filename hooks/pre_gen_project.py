"""Before a file is written: refuse answers that skipped the questions, and a folder that is not empty."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, json.loads(r""" {{ template_folder | jsonify }} """))

from flow_template import messages, naming

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")


def main(root: Path, answers: dict[str, Any]) -> int:
    """Return 1, with everything that is wrong on the terminal, where nothing may be written."""
    found = naming.problems(answers, lambda slug: any((root.parent / slug).glob("*")))
    if found:
        messages.say(messages.refusal(found, answers), sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    Path(__file__).unlink()  # cookiecutter leaves its rendered copy in the temporary folder
    try:
        sys.exit(main(Path.cwd(), ANSWERS))
    except KeyboardInterrupt:
        sys.exit(1)
