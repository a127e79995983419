"""Releases of flow-ops: the newest that is known here, and those that are known to break."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from packaging.version import InvalidVersion, Version

# A release that turned out to break flows, and what it breaks; written here with the release that repairs it.
BREAKS: dict[str, str] = {}


def read(text: str | None) -> Version | None:
    """Return a version as a tag has it; None where it is none."""
    try:
        return Version(text) if text else None
    except InvalidVersion:
        return None


def newest(found: Iterable[Version | None]) -> Version:
    return max([Version(metadata.version("flow-ops")), *(one for one in found if one)])


def breaks(found: Version | None) -> str | None:
    return BREAKS.get(str(found))
