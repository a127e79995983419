"""Values that look like secrets, by their name or by their shape: they are named, and not shown."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from flow_ops.logging.masking import MASK

# `MAX_TOKENS` and `TOKEN_LIMIT` are numbers: what is refused has to be text.
_NAME = re.compile(
    r"(?i)password|passwd|passphrase|(?<![a-z])pass($|_)|pwd($|_)|secret|token|api_?key|credential|auth_?(string|key)|private_?key"
    r"|access_?key|clave($|_)|contrase"
)
_PLAIN = re.compile(r"(?i)\d{0,5}|true|false|yes|no|none|null")


def looks_secret(name: str, value: Any) -> bool:
    """Return whether `value`, under `name`, looks like a secret that stands there as it is.

    A placeholder such as `{{ prefect.blocks.secret.NAME }}` is none, nor is a number or a truth.
    """
    if not isinstance(value, str) or "{{" in value or _PLAIN.fullmatch(value):
        return False
    return bool(_NAME.search(name) or _password(value))


def hide(name: str, value: Any) -> Any:
    """Return `value`, a JSON document, with asterisks for each text in it that looks like a secret.

    Of an address, only the password is hidden.
    """
    if isinstance(value, dict):
        return {key: hide(key if isinstance(key, str) else "", each) for key, each in value.items()}
    if isinstance(value, list):
        return [hide(name, each) for each in value]
    if not looks_secret(name, value):
        return value
    password = _password(value)
    return value.replace(password, MASK) if password else MASK


def _password(value: str) -> str | None:
    try:
        return urlsplit(value).password if "://" in value else None
    except ValueError:
        return None
