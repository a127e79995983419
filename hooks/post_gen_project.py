"""After generation: check the names in what was written, record where it came from, say what is next.

Runs rendered, from a temporary file, in the generated folder. Cookiecutter says where that is, so all was
done as this was rendered, in its own process, where what it takes is loaded already: this one has to say
how it ended. Cruft does not say where: for it, all is done here.
"""

import os
import sys

STATUS = "{{ cookiecutter | completed('status') }}"
TEXT = "{{ cookiecutter | completed('text') | escaped }}"
ANSWERS = "{{ cookiecutter | completed('answers') | escaped }}"
TEMPLATE = "{{ cookiecutter | template_folder | escaped }}"


def main() -> int:
    """Return 1, with the reasons, where the generated names disagree: cookiecutter then deletes all."""
    status, text = (int(STATUS), TEXT) if STATUS else complete()
    stream = sys.stderr if status else sys.stdout
    if text:
        stream.write(text.encode(stream.encoding, "replace").decode(stream.encoding) + "\n")
    return status


def complete() -> tuple[int, str]:
    """Do here, in the generated folder, what was not done before."""
    import json  # noqa: PLC0415 - the user waits for each import: most runs need none of these
    from pathlib import Path  # noqa: PLC0415

    sys.path.insert(0, TEMPLATE)
    from hooks import completion  # noqa: PLC0415

    return completion.complete(Path.cwd(), json.loads(ANSWERS))


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        os.unlink(__file__)  # noqa: PTH108 - cookiecutter leaves its rendered copy in the temp folder
