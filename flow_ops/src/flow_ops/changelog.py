"""What the template's CHANGELOG says of one file: why a newer release has it otherwise, and whether it has to follow."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

_ENTRY = re.compile(r"^## (\S+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^(?:- |\d+\. )|\n\n", re.MULTILINE)
WHAT_TO_DO = "**What to do:**"


def said_of(name: str, text: str, *, after: str) -> tuple[bool, str]:
    """Return whether the releases after one ask for a change of a file, and why.

    A file has to follow where it is named, in backticks, after "What to do"; an item above says why it may.
    """
    news = [entry for version, entry in _ENTRY.findall(text) if _is_later(version, after)]
    for is_needed in (True, False):
        for entry in news:
            above, _, below = entry.partition(WHAT_TO_DO)
            for item in _ITEM.split(below if is_needed else above):
                if f"`{name}`" in item:
                    return is_needed, " ".join(item.split())
    return False, ""


def _is_later(version: str, than: str) -> bool:
    try:
        return Version(version) > Version(than)
    except InvalidVersion:
        return False
