"""From options and environment to settings."""

from pathlib import Path

import pytest

from clarion.cli.local import _own_master_key
from clarion.cli.options import Where, settings_for
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import parse_master_key


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log set-up of the test run alone."""
    monkeypatch.setattr("clarion.cli.options.set_up_logs", lambda *_: None)


def test_flags_win_over_the_environment() -> None:
    settings = settings_for(
        Where(database_url="postgresql://flag"),
        environment={"CLARION_DATABASE_URL": "postgresql://environment", "CLARION_PORT": "1"},
        port=2,
    )
    assert settings.database_url is not None
    assert (settings.database_url.reveal(), settings.port) == ("postgresql://flag", 2)


def test_an_unknown_variable_is_reported_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    settings_for(None, environment={"CLARION_PROT": "1"})
    output = capsys.readouterr()
    assert "CLARION_PROT is unknown and has no effect; did you mean CLARION_PORT?" in output.err
    assert output.out == ""


def test_an_unknown_variable_that_resembles_nothing_is_reported_without_a_guess(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings_for(None, environment={"CLARION_UNKNOWN": "1"})
    assert capsys.readouterr().err == "clarion: the variable CLARION_UNKNOWN is unknown and has no effect\n"


def test_a_key_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        settings_for(None, environment={"CLARION_MASTER_KEY_FILE": str(file)})
    file.chmod(0o640)
    assert settings_for(None, environment={"CLARION_MASTER_KEY_FILE": str(file)}).master_key is not None


def test_the_embedded_master_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    key = _own_master_key(tmp_path)
    assert len(parse_master_key(key)) == 32
    assert _own_master_key(tmp_path) == key
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600


def test_an_embedded_master_key_that_was_opened_is_refused(tmp_path: Path) -> None:
    _own_master_key(tmp_path)
    (tmp_path / "master.key").chmod(0o604)
    with pytest.raises(ConfigurationError, match=r"master\.key"):
        _own_master_key(tmp_path)
