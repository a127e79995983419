"""What looks like a secret, and what is shown of it."""

from __future__ import annotations

import pytest

from flow_ops.hidden import MASK, hide, looks_secret, without_credentials


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


@pytest.mark.parametrize("name", ["DB_PASSWORD", "pin_password", "ADMIN_PASS", "account_token", "clave_erp"])
@pytest.mark.parametrize("value", ["12345678", 12345678, "1234", 1234])
def test_digits_alone_are_a_secret_too(name: str, value: str | int) -> None:
    assert hide("parameters", {name: [value], "rows": value}) == {name: [MASK], "rows": value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGION", "sur"),
        ("MAX_TOKENS", "4096"),
        ("max_tokens", 200_000),
        ("TOKEN_LIMIT", "1000000"),
        ("PASSWORD_MIN_LENGTH", 1024),
        ("ORDERS", 12345678),
        ("PASSWORD_RULES", {"length": 12345678}),
        ("API_KEY_ROTATION", 90),
        ("USE_TOKEN", True),
        ("PASS_THROUGH", "true"),
        ("DB_PASSWORD", "{{ prefect.blocks.secret.db-password }}"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", None),
        ("ERP", "mssql://erp.example.com/ventas"),
        ("COMPASS", "north"),
        ("ERP", "http://[broken"),
        ("REPOSITORY", "https://git@git.example.com/ventas.git"),
        ("ERP", "Driver={ODBC Driver 18};Server=erp;Trusted_Connection=yes"),
        ("PAGE", "https://erp.example.com/list?page=2&order=token"),
    ],
)
def test_what_is_no_secret_is_shown(name: str, value: object) -> None:
    assert not looks_secret(name, value)
    assert hide(name, value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("mssql://ana:hunter2@erp/ventas", "mssql://ana:***@erp/ventas"),
        ("mssql://sa:PaSs/x@erp/ventas", "mssql://sa:***@erp/ventas"),
        ("Driver={ODBC};Server=erp;UID=sa;PWD=hunter2", "Driver={ODBC};Server=erp;UID=sa;PWD=***"),
        (
            "Server=erp;User Id=sa;Password=hunter2;Encrypt=yes",
            "Server=erp;User Id=sa;Password=***;Encrypt=yes",
        ),
        ("https://api.example.com/v1?token=hunter2&page=2", "https://api.example.com/v1?token=***&page=2"),
        (
            "AccountName=ventas;AccountKey=aW52ZW50ZWQ=;EndpointSuffix=core.windows.net",
            "AccountName=ventas;AccountKey=***;EndpointSuffix=core.windows.net",
        ),
        (
            "https://x.blob.example.com/c?sv=2024&sig=aW52%3D&se=1",
            "https://x.blob.example.com/c?sv=2024&sig=***&se=1",
        ),
        ("https://s3.example.com/a?X-Amz-Signature=0a1b2c", "https://s3.example.com/a?X-Amz-Signature=***"),
        ("https://an-invented-token-of-nobody@git.example.com/a.git", "https://***@git.example.com/a.git"),
        ("Bearer an.invented.token", "Bearer ***"),
    ],
)
def test_of_an_address_or_a_connection_only_the_password_is_hidden(value: str, shown: str) -> None:
    assert hide("urls", [value]) == [shown.replace("***", MASK)]


def test_nothing_of_a_private_key_is_shown() -> None:
    begin, end = (f"-----{word} PRIVATE KEY-----" for word in ("BEGIN", "END"))
    assert hide("CERTIFICATE", f"{begin}\nabc\n{end}") == MASK


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:password@host/x.git", "https://host/x.git"),
        ("https://user:two words@host/x.git", "https://host/x.git"),
        ("https://user:a/b@host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("https://git:token@host/x.git", "https://host/x.git"),
        ("//user:password@host/api", "//host/api"),
        (
            "fatal: unable to access 'https://u:p@host/x.git/': no",
            "fatal: unable to access 'https://host/x.git/': no",
        ),
        ("https://one/x, https://u:p@two/y", "https://one/x, https://two/y"),
        ("https://host: denied for ana@corp", "https://host: denied for ana@corp"),
        ("https://host:8443/team/x@v2.git", "https://host:8443/team/x@v2.git"),
        # Without the user there is no access by ssh, and it is no secret.
        ("ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("ssh://gitea@host/~ana@corp/x.git", "ssh://gitea@host/~ana@corp/x.git"),
        ("git@host:team/x.git", "git@host:team/x.git"),
    ],
)
def test_an_address_is_shown_without_user_and_password(address: str, shown: str) -> None:
    assert without_credentials(address) == shown
