"""What leaves in log records: no secret, no device identifier, no second record inside one."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from clarion.foundation.secrets import Secret
from clarion.foundation.telemetry import HIDDEN, set_up_logs

CANARY = "c4n4ry-c4n4ry-c4n4ry"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where records go; the set-up of the test run comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def record(stream: io.StringIO) -> Callable[..., dict[str, Any]]:
    """Logs one event as JSON and gives the record that left."""
    set_up_logs("debug", "json", stream)

    def log(event: str, **fields: object) -> dict[str, Any]:
        structlog.get_logger("test").info(event, **fields)
        lines = stream.getvalue().splitlines()
        assert len(lines) == 1
        found: dict[str, Any] = json.loads(lines[0])
        return found

    return log


@pytest.mark.parametrize(
    "name",
    ["token", "transport_token", "ic_token", "ext_id", "password", "api_key", "authorization", "Cookie", "private_key",
     "endpoint", "master_key", "database_url", "query_string", "firebase_credentials", "session_id"],
)  # fmt: skip
def test_a_field_is_hidden_by_its_name(name: str, record: Callable[..., dict[str, Any]]) -> None:
    assert record("event", **{name: CANARY})[name] == HIDDEN


@pytest.mark.parametrize("name", ["token_state", "has_firebase_creds", "send", "credential_version"])
def test_fields_that_tell_nothing_secret_stay(name: str, record: Callable[..., dict[str, Any]]) -> None:
    assert record("event", **{name: "visible"})[name] == "visible"


def test_a_secret_is_hidden_by_its_type_at_any_depth(record: Callable[..., dict[str, Any]]) -> None:
    assert CANARY not in json.dumps(record("event", plain=Secret(CANARY), deep={"list": [{"x": Secret(CANARY)}]}))


def test_names_inside_of_fields_count_too(record: Callable[..., dict[str, Any]]) -> None:
    assert record("event", request={"headers": {"authorization": CANARY}})["request"]["headers"] == {
        "authorization": HIDDEN
    }


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"postgresql://clarion:{CANARY}@db.example.com/clarion",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
        f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.{CANARY}",
        f"dfLrxu1234567:APA91{CANARY}",
        "clk_0123456789abcdef_" + "c4" * 24,
        "c4" * 32,
    ],
)
def test_secrets_in_texts_are_hidden_by_their_shape(text: str, record: Callable[..., dict[str, Any]]) -> None:
    shown = record("what happened: " + text)["event"]
    assert HIDDEN in shown
    assert "c4n4ry" not in shown
    assert "c4c4" not in shown


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b", "a\x1b[31mb", "a\x00b", "a\x85b", "a\u202eb"])
@pytest.mark.parametrize("kind", ["json", "console"])
def test_control_characters_cannot_forge_a_record(kind: str, text: str, stream: io.StringIO) -> None:
    set_up_logs("info", kind, stream)
    structlog.get_logger("test").info("event", name=text)
    shown = stream.getvalue()
    assert len(shown.splitlines()) == 1
    assert shown.rstrip("\n").isprintable()


def test_records_of_libraries_pass_the_same_point(stream: io.StringIO) -> None:
    set_up_logs("info", "json", stream)
    logging.getLogger("library").warning("failed for %s", f"Bearer {CANARY}")
    assert json.loads(stream.getvalue())["event"] == f"failed for Bearer {HIDDEN}"


@pytest.mark.parametrize("kind", ["json", "console"])
def test_tracebacks_are_cleaned_and_indented(kind: str, stream: io.StringIO) -> None:
    set_up_logs("info", kind, stream)
    try:
        raise ValueError(f"refused\n2031-01-01 [info] forged record password={CANARY}")
    except ValueError:
        structlog.get_logger("test").exception("failed")
    shown = stream.getvalue()
    assert "ValueError" in shown
    assert CANARY not in shown
    assert not any(line.startswith("2031") for line in shown.splitlines())


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError.new(
            {"C": "23505", "M": "double", "D": f"Key (ext_id)=({CANARY}\n{CANARY}) exists."}
        ),
        asyncpg.DataError(f"invalid input for query argument $3: '{CANARY}' (a bytes-like object is required)"),
    ],
    ids=["a row", "an argument"],
)
def test_values_that_the_database_quotes_are_hidden(error: Exception, stream: io.StringIO) -> None:
    """It quotes whole rows and arguments in its errors, with the tokens and external ids in them."""
    set_up_logs("info", "json", stream)
    assert CANARY in str(error)
    try:
        raise RuntimeError("the work failed") from error
    except RuntimeError:
        structlog.get_logger("test").exception("failed", reason=str(error))
    shown = stream.getvalue()
    assert CANARY not in shown
    assert type(error).__name__ in shown
    assert "the work failed" in shown


def test_records_below_the_level_do_not_leave(stream: io.StringIO) -> None:
    set_up_logs("warning", "json", stream)
    structlog.get_logger("test").info("quiet")
    assert stream.getvalue() == ""
