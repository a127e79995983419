"""Secrets in what is logged: known by value and by the forms in which a value turns up, in all processes of a run."""

from __future__ import annotations

import atexit
import base64
import contextlib
import html
import json
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from cryptography.fernet import Fernet, InvalidToken

from flow_ops.hidden import MASK, looks_secret, passwords

SHORTEST_SECRET = 4
"""Characters. Shorter values are not masked: they would blot out half of every line and hide nothing."""
SHORTEST_PART = 8
"""Characters of a part of a secret, such as a line of a key or a text in a dictionary, that is masked by itself."""
VARIABLE = "FLOW_OPS_SECRETS"
"""Names the key with which the processes of a run tell each other what to mask, and the folder."""

_FORMATTER = logging.Formatter()


def add_secret(value: Any) -> None:
    """Mask `value` from now on in every record: terminal, UI and file, Prefect's own lines included.

    `value` is a text, or a dictionary or list whose texts are masked. Its lines, the password of an address or of a
    connection string in it, and its forms in a `repr`, in JSON, HTML, base64 and a URL are masked too. Values of under
    4 characters are not, nor is what does not pass through logging: a plain `print`, artifacts, the message of a state.
    """
    texts = set(_texts(value))
    if texts - _known:
        _learn(texts)
        _tell_the_others(texts)


def add_environment() -> None:
    """Mask what this process's variables hold that looks like a secret by its name or shape, from 8 characters on.

    A worker puts the values of Secret blocks there before a run starts (`{{ prefect.blocks.secret.NAME }}` in a
    deployment's `env`). A path, such as that of a file of credentials, is none.
    """
    for name, value in os.environ.items():
        if name != VARIABLE and looks_secret(name, value) and not os.path.lexists(value):
            for text in passwords(value) or [value]:
                if len(text) >= SHORTEST_PART:
                    add_secret(text)


def mask(text: str) -> str:
    """Return `text` with every secret that is known replaced by asterisks."""
    _hear_from_the_others()
    return _masked(text)


def _masked(text: str) -> str:
    return _pattern.sub(MASK, text) if _pattern else text


def mask_record(record: logging.LogRecord) -> None:
    """Mask a record in place, so that it holds for all handlers; one without a secret is left as it is."""
    _hear_from_the_others()
    if not _pattern:
        return
    with contextlib.suppress(Exception):  # Wrong arguments: the handlers report them, as ever.
        message = record.getMessage()
        if (masked := _masked(message)) != message:
            record.msg, record.args = masked, ()
    if record.exc_info and record.exc_info[0]:
        text = record.exc_text or _FORMATTER.formatException(record.exc_info)
        if (masked := _masked(text)) != text:
            # Formatters print `exc_text`; from `exc_info` some would write the exception anew.
            record.exc_text, record.exc_info = masked, None
    if record.stack_info:
        record.stack_info = _masked(record.stack_info)


class Masking(logging.Filter):
    """Masks what a handler that is not ours sends on: those of other libraries' loggers that reach Prefect or a file."""

    def filter(self, record: logging.LogRecord) -> bool:
        mask_record(record)
        return True


def guard_all_handlers() -> None:
    """Let every handler of this process mask what it sends on."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if not any(isinstance(each, Masking) for each in handler.filters):
                handler.addFilter(_MASKING)


def _texts(value: Any) -> Iterator[str]:
    """Yield each text that is to be masked for `value`: itself, and its parts that say something alone."""
    if isinstance(value, (dict, list, tuple, set)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from (text for text in _texts(each) if len(text) >= SHORTEST_PART)
    elif value is not None and not isinstance(value, bool):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if len(text) >= SHORTEST_SECRET:
            yield text
        yield from (line for line in text.splitlines() if SHORTEST_PART <= len(line) < len(text))
        for password in passwords(text):
            yield from (each for each in (password, unquote(password)) if len(each) >= SHORTEST_SECRET)


def _forms(text: str) -> Iterator[str]:
    """Yield the forms in which programs write a text."""
    content = text.encode(
        errors="surrogatepass"
    )  # A byte of a variable that is no UTF-8 is a surrogate in its text.
    yield from (text, repr(text)[1:-1], repr(content)[2:-1], html.escape(text))
    for encoded in (quote(content), quote(content, safe=""), quote_plus(content)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    yield from (json.dumps(text, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content).decode().rstrip("=")


_known: set[str] = set()
_lock = threading.Lock()
_pattern: re.Pattern[str] | None = None
_MASKING = Masking()


def _learn(texts: set[str]) -> None:
    global _pattern  # noqa: PLW0603 - one for the process
    with _lock:
        _known.update(texts)
        # The longest first, so that a secret inside another does not leave the rest of it readable.
        forms = sorted({form for text in _known for form in _forms(text)}, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, forms)))
    guard_all_handlers()


# A flow that works in processes reads a secret in one and logs it in another. They have a folder in common that only
# the user can enter: a file in it is what one of them told at once, encrypted with a key that is in the processes'
# environment alone.


def share() -> None:
    """Name the folder and the key for the processes that this one will start; it is made with the first secret."""
    if VARIABLE not in os.environ:
        folder = Path(tempfile.gettempdir(), f"flow-ops-{secrets.token_hex(16)}")
        os.environ[VARIABLE] = f"{Fernet.generate_key().decode()} {folder}"
        atexit.register(_remove, folder, os.getpid())


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # Not a fork of it that ends earlier.
        shutil.rmtree(folder, ignore_errors=True)


def _tell_the_others(texts: set[str]) -> None:
    key, _, folder = os.environ.get(VARIABLE, "").partition(" ")
    file = Path(folder, secrets.token_hex(16))
    with contextlib.suppress(OSError, ValueError):  # Nothing is shared, or not by `share`.
        encrypted = Fernet(key).encrypt(json.dumps([*texts]).encode())
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.with_suffix(_DRAFT).write_bytes(encrypted)
        file.with_suffix(_DRAFT).rename(file)
        _heard.add(file.name)


def _hear_from_the_others() -> None:
    """Learn what other processes told since the last time: a look at a folder for each record."""
    key, _, folder = os.environ.get(VARIABLE, "").partition(" ")
    if not folder:
        return
    with contextlib.suppress(OSError, ValueError):  # No folder yet, or no more; or no key.
        fernet, told, read = Fernet(key), set[str](), set[str]()
        for name in {each.name for each in os.scandir(folder) if not each.name.endswith(_DRAFT)} - _heard:
            with contextlib.suppress(OSError):  # What cannot be read now is read at the next record.
                told |= _told(fernet, Path(folder, name))
                read.add(name)
        if told:
            _learn(told)
        _heard.update(read)


def _told(fernet: Fernet, file: Path) -> set[str]:
    try:
        return {*json.loads(fernet.decrypt(file.read_bytes()))}
    except InvalidToken:  # Somebody else's file hides no other.
        return set()


_DRAFT = ".new"
_heard: set[str] = set()
