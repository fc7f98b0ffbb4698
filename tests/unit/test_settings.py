"""What an operator may set: operator.md §3."""

from pathlib import Path

import pytest

from clarion.foundation.errors import ConfigurationError
from clarion.settings import read_settings


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("CLARION_PORT", "x", "must be a whole number from 0 to 65535"),
        ("CLARION_PORT", "²", "must be a whole number from 0 to 65535"),
        ("CLARION_PORT", "--1", "must be a whole number from 0 to 65535"),
        ("CLARION_PORT", "9" * 5000, "must be a whole number from 0 to 65535"),
        ("CLARION_RETRY_BASE_SEC", "nan", "must be a number from 0.01 to 600"),
        ("CLARION_CREATED_STATUS_201", "maybe", "is not a yes or no: use true or false"),
        ("CLARION_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("CLARION_DATABASE_URL", "mysql://h/d", "must be an address such as postgresql://user:password@host/database"),
        ("CLARION_FCM_URL", "ftp://h", "must be an address that begins with http:// or https://"),
        ("CLARION_FCM_URL", "https://", "must be an address with a host and, if any, a port from 0 to 65535"),
        ("CLARION_FCM_URL", "https://h:99999", "must be an address with a host and, if any, a port from 0 to 65535"),
        ("CLARION_FCM_URL", "https://[::1", "must be an address with a host and, if any, a port from 0 to 65535"),
        ("CLARION_TOKEN_URI_ALLOW", "h/token", "must be an address that begins with http:// or https://"),
        ("CLARION_WEBPUSH_CONTACT", "me", "must be an address that begins with mailto: or https://"),
        (
            "CLARION_WEBPUSH_HOSTS",
            "a.example, https://b.example/x",
            "must be a list of hosts, each with a port if needed, without https://: https://b.example/x",
        ),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_is_allowed(variable: str, value: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_settings({variable: value})
    assert str(refused.value) == f"{variable}: {fault}"


def test_lists_are_separated_by_commas_with_spaces_ignored() -> None:
    hosts = " push.example, localhost:9443 ,[::1]:9443,, "
    settings = read_settings({"CLARION_WEBPUSH_HOSTS": hosts, "CLARION_TOKEN_URI_ALLOW": "https://a/t,https://b/t"})
    assert settings.webpush_hosts == ("push.example", "localhost:9443", "[::1]:9443")
    assert settings.token_uri_allow == ("https://a/t", "https://b/t")


def test_an_empty_value_counts_as_not_set() -> None:
    assert read_settings({"CLARION_PORT": "", "CLARION_DATABASE_URL": ""}) == read_settings({})


def test_a_value_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://h/d\n")
    url = read_settings({"CLARION_DATABASE_URL_FILE": str(file), "CLARION_DATABASE_URL": "postgresql://other/d"})
    assert url.database_url is not None
    assert url.database_url.reveal() == "postgres://h/d"


@pytest.mark.parametrize(("content", "fault"), [(None, "cannot be read: No such file"), (b"\xff", "is not text")])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, fault: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=fault) as refused:
        read_settings({"CLARION_MASTER_KEY_FILE": str(file)})
    assert str(refused.value).startswith("CLARION_MASTER_KEY_FILE ")
    assert str(file) in str(refused.value)
