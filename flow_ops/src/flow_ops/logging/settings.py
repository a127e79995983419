"""The settings of the logs: environment variables, each with a default that holds where its value makes no sense."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The settings, read once."""

    level: int
    explicit_level: bool
    folder: Path | None
    as_json: bool
    max_bytes: int
    files: int
    problems: list[dict[str, Any]]
    """The values of an FT-LOGS-01 each; emptied when reported."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; a value that makes no sense becomes a problem to report, and its default holds."""
    problems: list[dict[str, Any]] = []

    def read(variable: str, default: str, convert: Callable[[str], Any], allowed: str) -> Any:
        text = environment.get(variable, "").strip()
        try:
            return convert(text or default)
        except (ValueError, KeyError, OverflowError):
            problems.append({"variable": variable, "value": text, "allowed": allowed, "default": default})
            return convert(default)

    levels = "DEBUG, INFO, WARNING, ERROR, CRITICAL"
    size = read("FLOW_LOG_MAX_MB", "10", _number_between(0.001, 10_000), "0.001 - 10000")
    files = read("FLOW_LOG_FILES", "5", _number_between(1, 100), "1 - 100")
    forms = {"text": False, "json": True}
    folder = environment.get("FLOW_LOG_DIR", "").strip()
    return Settings(
        level=read("FLOW_LOG_LEVEL", "INFO", _level, levels),
        explicit_level=bool(environment.get("FLOW_LOG_LEVEL", "").strip()),
        folder=Path(folder).expanduser() if folder else None,
        as_json=read("FLOW_LOG_FORMAT", "text", lambda text: forms[text.lower()], "text, json"),
        max_bytes=int(size * 1_000_000),
        files=int(files),
        problems=problems,
    )


def _level(text: str) -> int:
    if text.isdecimal():
        return int(text)
    level = logging.getLevelName(text.upper())
    if not isinstance(level, int):
        raise ValueError(text)
    return level


def _number_between(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        number = float(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return convert
