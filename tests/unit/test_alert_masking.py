"""Secrets do not survive masking, wherever they stand; other text does."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.masking import mask, secrets_of
from pipeline.settings import Settings

SECRET = "hunter2-S3cret"  # noqa: S105 - what must not be seen


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://shop:{SECRET}@db.example:5432/shop",
        f'connect("postgresql+psycopg2://shop:{SECRET}@db/shop?sslmode=require") failed',
        f"smtps://mailer@example.org:{SECRET}@smtp.example.org:465",
        f"smtp://u:{SECRET}/un@escaped@host",
        f"host=db user=shop password={SECRET} dbname=shop",
        f"password='{SECRET} with a blank' dbname=shop",
        f'{{"private_key_id": "{SECRET}", "type": "service_account"}}',
        f'{{"client_secret": "{SECRET}\\"quoted"}}',
        f"PGPASSWORD={SECRET} psql",
        f"AIRFLOW__API__SECRET_KEY: {SECRET}",
        f"Authorization: Bearer {SECRET}abcdefgh",
        f"headers={{'authorization': 'Basic {SECRET}abcd'}}",
        f"token={SECRET}&x=1",
        f"    password = connect(secret='{SECRET}')",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\\n{SECRET}",
        "ya29.a0AfH6SMBx-hunter2-S3cret_x",
        "key AIzaSyA-1234567890abcdefghijklmnopqrhunter2-S3cret",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = mask(text)
    assert SECRET not in masked
    assert "***" in masked


def test_what_is_not_secret_stays() -> None:
    text = "transaction 2025-01-03: 5 rows differ; see http://127.0.0.1:8080/dags/x?try_number=1 (bearer of bad news)"
    assert mask(text) == text


def test_the_rest_of_a_url_stays() -> None:
    assert mask(f"postgresql://shop:{SECRET}@db:5432/shop") == "postgresql://shop:***@db:5432/shop"


def test_known_secrets_are_masked_without_any_context() -> None:
    assert mask(f"the server said: no such {SECRET}!", [SECRET]) == "the server said: no such ***!"


def test_the_longest_known_secret_goes_first() -> None:
    assert mask("abcdef-more", ["abcdef", "abcdef-more"]) == "***"


def test_passwords_of_the_settings_are_known_as_written_and_as_meant() -> None:
    settings = Settings(source_url="postgresql://u:a%40b%2Fc@h/db", smtp_url="smtp://m:plain@h")
    assert secrets_of(settings) >= {"a%40b%2Fc", "a@b/c", "plain"}


@given(
    password=st.text(
        st.characters(min_codepoint=33, exclude_characters="'\"<>\x7f", exclude_categories=["Z", "C"]), min_size=1
    )
)
def test_no_password_in_a_url_survives(password: str) -> None:
    masked = mask(f"could not connect to postgresql://user:{password}@host/db today")
    assert masked == "could not connect to postgresql://user:***@host/db today"


@pytest.mark.parametrize(
    "unit",
    ["x", "a://b:", "a://", 'password="', "password", "eyJ", "eyJ.", "bearer ", "-----BEGIN PRIVATE KEY-----", "\\"],
)
def test_no_text_takes_long(unit: str) -> None:
    started = time.monotonic()
    mask(unit * (100_000 // len(unit)))
    assert time.monotonic() - started < 5
