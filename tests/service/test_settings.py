from __future__ import annotations

from pathlib import Path

import pytest

from aisle.errors import ConfigurationError
from service.settings import Settings

HASH = "0123456789abcdef" * 4


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"AISLE_LOG_FOLDER": " ", "AISLE_TIMEOUT_SECONDS": ""}) == Settings()


def test_every_setting_is_read() -> None:
    environment = {
        "AISLE_MODEL_FOLDER": "/model",
        "AISLE_API_KEYS": f"shop:{HASH}, desk:{HASH.upper()} ,",
        "AISLE_API_KEYS_FILE": "/keys",
        "AISLE_METRICS_OPEN": "Yes",
        "AISLE_LOG_FOLDER": "log",
        "AISLE_LOG_PRODUCTS": "1",
        "AISLE_LOG_ROTATE_MB": "0.5",
        "AISLE_TIMEOUT_SECONDS": "7",
        "AISLE_MAX_WAITING": "3",
    }
    assert Settings.from_environment(environment) == Settings(
        model_folder=Path("/model"),
        api_keys=(f"shop:{HASH}", f"desk:{HASH.upper()}"),
        api_keys_file=Path("/keys"),
        metrics_open=True,
        log_folder=Path("log"),
        log_products=True,
        log_rotate_mb=0.5,
        timeout_seconds=7.0,
        max_waiting=3,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AISLE_METRICS_OPEN", "maybe"),
        ("AISLE_LOG_PRODUCTS", "2"),
        ("AISLE_LOG_ROTATE_MB", "0"),
        ("AISLE_LOG_ROTATE_MB", "nan"),
        ("AISLE_TIMEOUT_SECONDS", "soon"),
        ("AISLE_TIMEOUT_SECONDS", "inf"),
        ("AISLE_TIMEOUT_SECONDS", "-1"),
        ("AISLE_MAX_WAITING", "0"),
        ("AISLE_MAX_WAITING", "1.5"),
        ("AISLE_MAX_WAITING", "٣"),
        ("AISLE_API_KEYS", f"shop:{HASH[1:]}"),
        ("AISLE_API_KEYS", HASH),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: .*$"):
        Settings.from_environment({name: value})


def test_a_key_that_was_not_hashed_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({"AISLE_API_KEYS": "shop:very-secret"})
    assert "secret" not in str(caught.value)
