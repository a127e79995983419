"""What looks like a secret, and what is shown of it."""

from __future__ import annotations

import pytest

from flow_ops.hidden import hide, looks_secret
from flow_ops.logging.masking import MASK


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "SMTP_PASS_MAIN",
        "smtp_pwd",
        "AUTH_STRING",
        "API_KEY",
        "apiKey",
        "GITHUB_TOKEN",
        "CLIENT_SECRET",
        "private_key",
        "AWS_ACCESS_KEY_ID",
        "clave_erp",
        "contraseña",
    ],
)
def test_a_text_under_the_name_of_a_secret_is_not_shown(name: str) -> None:
    assert hide("env", {name: "hunter2", "REGION": "sur"}) == {name: MASK, "REGION": "sur"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGION", "sur"),
        ("MAX_TOKENS", "4096"),
        ("PASS_THROUGH", "true"),
        ("DB_PASSWORD", "{{ prefect.blocks.secret.db-password }}"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", None),
        ("ERP", "mssql://erp.example.com/ventas"),
        ("COMPASS", "north"),
        ("ERP", "http://[broken"),
    ],
)
def test_what_is_no_secret_is_shown(name: str, value: object) -> None:
    assert not looks_secret(name, value)
    assert hide(name, value) == value


def test_of_an_address_only_the_password_is_hidden() -> None:
    assert hide("urls", ["mssql://ana:hunter2@erp/ventas"]) == [f"mssql://ana:{MASK}@erp/ventas"]
