"""Secrets stay out of what is logged: their forms and parts, in all processes, on every logger that is sent on."""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from flow_ops.hidden import MASK
from flow_ops.logging import masking
from flow_ops.logging.masking import add_secret, mask
from helpers.support import not_on_windows

SECRET = """p4ss'w/rd "ñ" <&>"""  # noqa: S105 - not one


@pytest.fixture(autouse=True)
def _knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(masking.VARIABLE, raising=False)
    monkeypatch.setattr(masking, "_known", set())
    monkeypatch.setattr(masking, "_pattern", None)
    monkeypatch.setattr(masking, "_heard", set())


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        repr(SECRET),
        repr(SECRET.encode()),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_form_that_programs_write(form: str) -> None:
    add_secret(SECRET)
    assert MASK in mask(f"before {form} after")
    assert "p4ss" not in mask(f"before {form} after")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"user": "sales", "password": "long-enough"}, "long-enough"),
        ([{"key": ["deep-inside-it"]}], "deep-inside-it"),
        ("-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\n-----END KEY-----", "AAAAB3NzaC1yc2E"),
        ("postgresql://ana:cl4ve@db.example.com/sales", "cl4ve"),
        ("postgresql://ana:cl%40ve@db.example.com/sales", "cl@ve"),
        ("Driver={ODBC};Server=erp;UID=sa;PWD=cl4ve", "cl4ve"),
        (b"bytes-of-a-key", "bytes-of-a-key"),
        (123456789, "123456789"),
    ],
)
def test_the_parts_of_a_secret_that_say_something_alone_are_masked(value: Any, part: str) -> None:
    add_secret(value)
    assert mask(f"<{part}>") == f"<{MASK}>"


@pytest.mark.parametrize("value", ["abc", "", None, True, {"user": "ana"}])
def test_what_would_blot_out_half_of_every_line_is_not_masked(value: Any) -> None:
    add_secret(value)
    assert mask("abc ana True None") == "abc ana True None"


def test_what_a_block_put_into_the_environment_is_masked_and_a_path_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ERP_PASSWORD", "an-invented-one")
    monkeypatch.setenv("ERP_DSN", "Server=erp;UID=sa;PWD=another-invented-one")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FLOW_TOKEN", "short")
    masking.add_environment()
    said = f"an-invented-one another-invented-one {tmp_path} short"
    assert mask(said) == f"{MASK} {MASK} {tmp_path} short"


def test_a_record_of_another_library_is_masked_where_it_is_sent_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    other = logging.getLogger("another.library")
    other.addHandler(handler)
    try:
        add_secret("connection-string-1")
        other.warning("opened %s", "connection-string-1")
    finally:
        other.removeHandler(handler)
    assert capsys.readouterr().err == f"opened {MASK}\n"


CHILD = """
import sys
from flow_ops.logging.masking import add_secret, mask
if sys.argv[1] == "tell":
    add_secret("told-by-a-child")
else:
    print(mask("told-by-the-parent, told-by-a-child"))
"""


def child(what: str) -> str:
    done = subprocess.run([sys.executable, "-c", CHILD, what], capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, empty, below which the processes of a run tell each other their secrets."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    masking.share()
    monkeypatch.setenv(masking.VARIABLE, os.environ[masking.VARIABLE])  # gone after the test
    return tmp_path


def test_the_processes_of_a_run_know_each_others_secrets_before_their_first_record(shared: Path) -> None:
    assert child("ask") == "told-by-the-parent, told-by-a-child"
    add_secret("told-by-the-parent")
    child("tell")
    assert child("ask") == f"{MASK}, {MASK}"
    assert mask("told-by-a-child") == MASK
    (folder,) = shared.iterdir()
    assert os.name != "posix" or folder.stat().st_mode & 0o077 == 0
    assert [file for file in folder.iterdir() if b"told-by" in file.read_bytes()] == []


@pytest.mark.usefixtures("shared")
def test_what_many_processes_tell_at_once_is_heard_whole() -> None:
    program = (
        "import sys; from flow_ops.logging.masking import add_secret\n"
        "for each in range(100): add_secret(f'{sys.argv[1]}-secret-{each:02}')"
    )
    tellers = [subprocess.Popen([sys.executable, "-c", program, f"process-{n}"]) for n in range(4)]
    assert [teller.wait(60) for teller in tellers] == [0] * 4
    told = [f"process-{n}-secret-{each:02}" for n in range(4) for each in range(100)]
    assert [secret for secret in told if mask(secret) != MASK] == []


@pytest.mark.parametrize("kind", ["text", "folder"])
def test_what_is_of_nobody_s_in_the_folder_hides_no_secret_and_stops_nothing(kind: str, shared: Path) -> None:
    add_secret("told-by-the-parent")
    (folder,) = shared.iterdir()
    (folder / "foreign").mkdir() if kind == "folder" else (folder / "foreign").write_text("hello")
    assert child("ask") == f"{MASK}, told-by-a-child"
    child("tell")
    assert mask("told-by-a-child") == MASK


@not_on_windows("a person may make no links there")
def test_what_cannot_be_read_yet_is_masked_as_soon_as_it_can(shared: Path) -> None:
    child("tell")
    (file,) = next(shared.iterdir()).iterdir()
    aside = file.rename(shared / "aside")
    file.symlink_to(shared / "nowhere")
    assert mask("hello, told-by-a-child") == "hello, told-by-a-child"
    aside.replace(file)
    assert mask("hello, told-by-a-child") == f"hello, {MASK}"


def test_a_variable_that_is_no_key_stops_no_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    monkeypatch.setenv(masking.VARIABLE, f"rubbish {tmp_path}")
    add_secret("a-secret")
    assert mask("it is a-secret") == f"it is {MASK}"


def test_a_secret_with_a_byte_that_is_no_utf_8_is_masked_and_so_is_the_next() -> None:
    add_secret(b"contrase\xf1a-larga".decode(errors="surrogateescape"))
    add_secret("another-secret")
    assert mask("contrase\udcf1a-larga, another-secret") == f"{MASK}, {MASK}"


@not_on_windows("it has no fork")
def test_a_fork_that_ends_leaves_the_folder_to_the_process_that_made_it(tmp_path: Path) -> None:
    program = (
        "import os, sys; from flow_ops.logging import masking; masking.share(); masking.add_secret('a-secret')\n"
        "folder = os.environ[masking.VARIABLE].partition(' ')[2]\n"
        "child = os.fork()\n"
        "if not child: sys.exit()\n"
        "os.waitpid(child, 0); sys.exit(not os.path.isdir(folder))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_that_processes_share_is_gone_with_the_one_that_made_it(tmp_path: Path) -> None:
    program = "from flow_ops.logging import masking; masking.share(); masking.add_secret('a-secret')"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
