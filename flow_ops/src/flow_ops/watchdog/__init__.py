"""The watchdog: automations that end stuck and late runs, and the sweep for what they cannot see."""

from flow_ops.watchdog.automations import (
    RULES,
    Channel,
    Limits,
    Notification,
    apply,
    check_limits,
    check_timeout,
    differences,
    expected,
    find_channel,
    has_any,
    missing,
    remove,
)

__all__ = [
    "RULES",
    "Channel",
    "Limits",
    "Notification",
    "apply",
    "check_limits",
    "check_timeout",
    "differences",
    "expected",
    "find_channel",
    "has_any",
    "missing",
    "remove",
]
