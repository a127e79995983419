"""One logger: terminal, Prefect's UI and a rotating file, from any place in the code."""

from __future__ import annotations

import logging

from flow_ops import project


def get_logger(name: str = "") -> logging.Logger:
    """Return the standard logger `<package>.<name>`, or the package's own without a name."""
    package = project.current().package
    return logging.getLogger(f"{package}.{name}" if name else package)


def add_secret(value: str) -> None:
    """Take note of a value that must not be written."""
    _secrets.add(value)


_secrets: set[str] = set()
