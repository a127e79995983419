"""After generation: check the names in what was written, record where it came from, say what is next."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, json.loads(r""" {{ template_folder | jsonify }} """))
sys.path.insert(1, f"{sys.path[0]}/flow_ops/src")

from flow_ops import embedding
from flow_template import agreement, messages, naming, origin

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")


def main(root: Path, answers: dict[str, Any]) -> int:
    """Return 1, with nothing left of what was generated, where its names disagree."""
    if found := agreement.disagreements(root, answers):
        remove_everything(root)
        messages.say(messages.disagreement(found, answers["language"]), sys.stderr)
        return 1
    if answers["_flow_ops_source"] == "vendor":
        embedding.embed(naming.TEMPLATE / "flow_ops", root)
    if "_commit" not in answers:  # cruft keeps a record of its own, and compares folders without .git
        recorded, versioned = origin.record(root, answers), origin.git_init(root)
        messages.say(messages.next_steps(root, answers, recorded=recorded, versioned=versioned), sys.stdout)
    return 0


def remove_everything(root: Path) -> None:
    """Leave the folder as pre_gen_project.py saw it: empty."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    Path(__file__).unlink()  # cookiecutter leaves its rendered copy in the temporary folder
    try:
        sys.exit(main(Path.cwd(), ANSWERS))
    except KeyboardInterrupt:
        sys.exit(1)
    except OSError as problem:
        remove_everything(Path.cwd())
        messages.say(messages.unwritable(problem, ANSWERS["language"]), sys.stderr)
        sys.exit(1)
