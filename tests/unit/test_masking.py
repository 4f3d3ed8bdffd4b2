"""Secrets are taken out of log lines, wherever in them they stand."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from backend.core import logs
from backend.core.logs import configure_logging, request_id_from
from backend.core.masking import MASK, _concealed, conceal, conceal_settings, mask, masked
from backend.core.settings import Settings

KNOWN = "planted.secret/of+no=shape"


@pytest.fixture(autouse=True)
def _one_known_secret() -> Iterator[None]:
    before = set(_concealed)
    conceal(KNOWN)
    yield
    _concealed.clear()
    _concealed.update(before)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"key {KNOWN}.", f"key {MASK}."),
        (f"{KNOWN}{KNOWN}", MASK * 2),
        ("sk-abcdefgh12345678 was refused", f"{MASK} was refused"),
        ("Authorization: Bearer abcdefgh.12345", f"Authorization: {MASK}"),
        ("postgresql://me:pass@host/db", f"postgresql://{MASK}@host/db"),
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("task-force", "task-force"),
    ],
)
def test_secrets_are_masked_in_text(text: str, clean: str) -> None:
    assert mask(text) == clean


@pytest.mark.parametrize("short", ["", " ", "abc", "1234567", None])
def test_what_is_too_short_to_be_a_secret_is_left_alone(short: str | None) -> None:
    conceal(short)
    assert mask("abc 1234567") == "abc 1234567"


def test_a_longer_secret_is_masked_whole_even_when_a_shorter_one_is_part_of_it() -> None:
    conceal(KNOWN + "-and-more")
    assert mask(f"{KNOWN}-and-more") == MASK


@pytest.mark.parametrize(
    "wrapped",
    [
        [KNOWN],
        (KNOWN,),
        {KNOWN},
        {KNOWN: 1},
        {"a": {"b": [{"c": KNOWN}]}},
        KNOWN.encode(),
        ValueError(KNOWN),
        [[[[[[[[[[[[KNOWN]]]]]]]]]]]],
        type("Odd", (), {"__repr__": lambda _: KNOWN})(),
    ],
)
def test_secrets_are_masked_in_anything(wrapped: Any) -> None:
    assert KNOWN not in repr(masked({"value": wrapped}))


@pytest.mark.parametrize(
    "name", ["password", "api_key", "apikey", "Authorization", "cookie", "SECRET_KEY", "token", "x-token"]
)
def test_what_is_called_a_secret_is_masked_whatever_it_holds(name: str) -> None:
    assert masked({"headers": {name: "x"}}) == {"headers": {name: MASK}}


def test_what_is_no_secret_stays_as_it_is() -> None:
    event = {"input_tokens": 7, "token_limit": 8, "ok": True, "nothing": None, "id": UUID(int=1), "text": "a b"}
    assert masked(event) == {**event, "id": str(UUID(int=1))}


def test_the_secrets_of_the_settings_are_known() -> None:
    conceal_settings(
        Settings(
            secret_key="planted secret key",
            old_secret_keys="planted former one, planted former two",
            database_url="postgresql://stoa:planted%2Fpassword@host/stoa",
            metrics_token="planted metrics token",
        )
    )
    for secret in (
        "planted secret key", "planted former one", "planted former two", "planted%2Fpassword", "planted/password",
        "planted metrics token",
    ):  # fmt: skip
        assert secret not in mask(f"see {secret} here")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error as the configured loggers write it, as JSON."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("STOA_LOG_JSON", "true")
    monkeypatch.setenv("STOA_LOG_LEVEL", "debug")
    before = structlog.get_config()
    configure_logging()
    structlog.configure(cache_logger_on_first_use=False)  # loggers outlive this test
    yield stream
    structlog.configure(**before)
    logging.getLogger().removeHandler(logs._libraries)


def fail() -> None:
    raise ValueError(f"the provider said {KNOWN}") from RuntimeError(KNOWN)


def test_exceptions_and_nested_values_are_masked_in_lines(written: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("it_failed", context={"seen": [KNOWN]})
    line = json.loads(written.getvalue())
    assert KNOWN not in written.getvalue()
    assert (line["event"], line["context"]) == ("it_failed", {"seen": [MASK]})
    assert f"ValueError: the provider said {MASK}" in line["exception"]


def test_lines_of_libraries_are_masked_too_and_carry_the_request(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="12345678"):
        try:
            fail()
        except ValueError:
            logging.getLogger("some.library").exception("failed with %s", KNOWN)
    line = json.loads(written.getvalue())
    assert KNOWN not in written.getvalue()
    assert (line["event"], line["request_id"], line["logger"]) == (f"failed with {MASK}", "12345678", "some.library")


def test_a_library_that_writes_down_requests_is_not_heard(written: io.StringIO) -> None:
    logger = logging.getLogger("a.provider.sdk")
    logger.setLevel(logging.DEBUG)
    logger.debug("Request options: %s", {"messages": ["What is a mole?"]})
    logger.info("What is a mole?")
    assert written.getvalue() == ""


def test_configuring_twice_writes_each_line_once(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", written)
    configure_logging()
    logging.getLogger("some.library").warning("once")
    assert written.getvalue().count("once") == 1


@pytest.mark.parametrize("given", ["12345678", "a" * 64, "0198f3e2-7b1c-7000-8000-000000000000"])
def test_a_sane_request_id_is_kept(given: str) -> None:
    assert request_id_from(given) == given


@given(st.one_of(st.none(), st.text(max_size=80), st.sampled_from(["1234567", "a" * 65, "12345678\n", "1234 5678"])))
def test_any_other_request_id_is_replaced_by_a_sane_one(given: str | None) -> None:
    made = request_id_from(given)
    assert made == given or given is None or not (8 <= len(given) <= 64 and given.replace("-", "a").isalnum())
    assert 8 <= len(made) <= 64
    assert made.replace("-", "a").isalnum()
    assert made.isascii()
