"""The first extension of `cookiecutter.json`: it refuses a Python or a cookiecutter that is too old.

Cookiecutter 1 does not find a template's extensions, and this module's name is what it then shows. Every
Python that runs cookiecutter reads this file: nothing newer than 3.6 in it.
"""

import importlib.util
import re
import sys
from pathlib import Path

from cookiecutter import __version__
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from jinja2.ext import Extension

NEEDED = ".".join(re.findall(r"\d+", __name__))


class Requirements(Extension):
    """Adds nothing to Jinja."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        found = ".".join(map(str, sys.version_info[:2]))
        if _older(found, "3.11"):
            raise FailedHookException(_told("FT-SETUP-01", found))
        if _older(__version__, NEEDED):
            raise FailedHookException(_told("FT-SETUP-02", __version__))
        zones = [Path(folder, "zone.tab") for folder in importlib.import_module("zoneinfo").TZPATH]
        if not importlib.util.find_spec("tzdata") and not any(file.is_file() for file in zones):
            raise FailedHookException(_told("FT-SETUP-03", ""))


def _older(found: str, needed: str) -> bool:
    first, second = ([int(number) for number in re.findall(r"\d+", each)] for each in (found, needed))
    return first < second


def _told(code: str, found: str) -> str:
    """Return the text of both languages, as none is chosen yet; a Python that old has no parser for it."""
    folder = Path(__file__).parent / "flow_template"
    lines = "\n".join((folder / name).read_text(encoding="utf-8") for name in ("es.toml", "en.toml"))
    texts = re.findall(rf'^{code} = "(.*)"$', lines, re.MULTILINE)
    return "\n".join([code, *texts]).format(found=found, needed=NEEDED)
