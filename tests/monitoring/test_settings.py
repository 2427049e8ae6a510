from __future__ import annotations

import datetime as dt
import re
from dataclasses import fields
from pathlib import Path

import pytest

from aisle.errors import ConfigurationError
from monitoring.settings import SHIPPED, Lasting, Settings, read_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "monitors.md"


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_says_what_the_code_assumes() -> None:
    assert read_settings() == Settings()


def test_the_shipped_file_says_all() -> None:
    assert all(re.search(rf"^{one.name}:", SHIPPED.read_text(), re.M) for one in fields(Settings))


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_each_is_explained(name: str) -> None:
    assert re.search(rf"^\| `{name}[`.]", DOCUMENT.read_text(), re.M), f"docs/monitors.md has no row `{name}`"


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "window_days: 7\n")) == Settings(window_days=7)
    assert read_settings(written(tmp_path, "")) == Settings()
    assert read_settings(written(tmp_path, "lasting: {k: 2, n: 3}")).lasting == Lasting(2, 3)


@pytest.mark.parametrize("text", ["alarm_since: 2025-07-01", "alarm_since: '2025-07-01'"])
def test_a_day_with_or_without_quotation_marks(tmp_path: Path, text: str) -> None:
    assert read_settings(written(tmp_path, text)).alarm_since == dt.date(2025, 7, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window: 7", "window is not a parameter; did you mean window_days?"),
        ("window_days: 0", "window_days is 0; it must lie in [1, 3660]"),
        ("tolerance: 0.99", "tolerance is 0.99; it must lie in (0, 0.2]"),
        ("false_alarm: 0", "false_alarm is 0; it must lie in (0, 1)"),
        ("lasting: {k: 6, n: 5}", "lasting.k is 6 and lasting.n 5: 6 of 5 days cannot be"),
        ("after_alarm: panic", "after_alarm is 'panic'; known here: stop, tell, tighten"),
        ("alarm_since: soon", "alarm_since is 'soon', no day; write YYYY-MM-DD, or null"),
        ("tolerance: '5 %'", "tolerance must be a number, not str ('5 %')"),
        ("- 1", "the file must be a table of names and values"),
        ("window_days: [", "not readable as YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as error:
        read_settings(path)
    assert str(error.value).startswith(f"{path}:")
    assert said in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        read_settings(tmp_path / "none.yaml")
