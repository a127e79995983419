"""Values that look like secrets, by their name or by their shape: they are named, and not shown."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

MASK = "********"
_NAME = re.compile(
    r"(?i)password|passwd|passphrase|(?<![a-z])pass($|_)|pwd($|_)|secret|token|api_?key|credential|auth_?(string|key)|private_?key"
    r"|access_?key|clave($|_)|contrase"
)
_PLAIN = re.compile(r"(?i)\d{0,3}|true|false|yes|no|none|null")
# Of what a name says that its number counts something, such as `MAX_TOKENS` and `PASSWORD_MIN_LENGTH`.
_COUNTS = re.compile(
    r"(?i)(?<![a-z])(tokens|max|min|limit|length|count|size|days|hours|minutes|seconds|ttl|timeout|retries)(?![a-z])"
)

# What a value of any name gives away: a connection string's `Pwd=...;` or `AccountKey=...;`, a query's `?token=...` or
# `&sig=...` (an address that a cloud has signed), `Bearer ...`.
_GIVEN = re.compile(
    r"(?i)(?:[;?&\s]|^)(?:password|passwd|pwd|(?:access_?|auth_?)?token|secret|api_?key|clave|contrase[nñ]a"
    r"|(?:account|sharedaccess)key|sig|(?:x-amz-|x-goog-)signature)\s*=\s*([^;&\s]+)"
    r"|\b(?:bearer|basic)\s+([\w.~+/=-]{8,})"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
# Characters of the shortest token of a git server.
_TOKEN = 16
# A password with a slash or a question mark in it ends an address for `urlsplit`, and not for who wrote it.
_IN_ADDRESS = re.compile(r"://[^/:@\s]*:([^@\s]+)@")


def looks_secret(name: str, value: Any) -> bool:
    """Return whether `value`, under `name`, looks like a secret that stands there as it is.

    A placeholder such as `{{ prefect.blocks.secret.NAME }}` is none, nor is a truth, or a number that counts something.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or "{{" in value or _PLAIN.fullmatch(value):
        return False
    if value.isdecimal() and _COUNTS.search(name):
        return False
    return bool(_NAME.search(name) or _PRIVATE_KEY.search(value) or passwords(value))


def hide(name: str, value: Any) -> Any:
    """Return `value`, a JSON document, with asterisks for each text in it that looks like a secret.

    Of an address or a connection string, only the password is hidden.
    """
    if isinstance(value, dict):
        return {key: hide(key if isinstance(key, str) else "", each) for key, each in value.items()}
    if isinstance(value, list):
        return [hide(name, each) for each in value]
    if not looks_secret(name, value):
        return value
    value = shown = str(value)
    for part in passwords(value):
        shown = shown.replace(part, MASK)
    return MASK if shown == value or _PRIVATE_KEY.search(value) else shown


def without_credentials(text: str) -> str:
    """Return a text without the user and password of the addresses in it, fit to be shown.

    The user of ssh stays, where no password follows: it is no secret, and the address does not work without it.
    """
    return _USER.sub("//", text)


# A user or a token alone; or a user and a password, which may have spaces and slashes, but is no port.
_USER = re.compile(r"(?<!ssh:)//[^/\s@:]+@|//[^/\s@:]*:(?!\d+/|\s)[^\n@]*@(?:[^/\s@]*@)?")


def passwords(value: str) -> list[str]:
    """Return what in a text is a password or a token: of an address, a connection string, a header."""
    found = [one or other for one, other in _GIVEN.findall(value)]
    if "://" not in value:
        return found
    try:
        parts = urlsplit(value)
        _ = parts.port  # Raises where what follows the user is no port.
    except ValueError:
        return [*found, *_IN_ADDRESS.findall(value)]
    # A long name alone is a token, as git servers take it.
    alone = parts.username if parts.password is None else None
    return [*found, *filter(None, (parts.password, alone if len(alone or "") >= _TOKEN else None))]
