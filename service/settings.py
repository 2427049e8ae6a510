"""What a service is told by its environment, read once when it starts, and the limits that nobody can change."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aisle.errors import ConfigurationError
from service.keys import read_line

PROBES = frozenset({"/healthz", "/livez", "/readyz"})  # paths that BentoML answers, for Kubernetes and the like
MAX_BODY = 5 * 2**20  # bytes of a request
MAX_PRODUCTS = 1000  # of a request
MAX_EXPLAINED = 20
MAX_ALTERNATIVES = 10
MAX_PROBABILITIES = 1_000_000  # numbers of an answer

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Settings:
    """How one service process runs.

    Attributes
    ----------
    model_folder : folder of a packaged model; None where the Bento brings its own
    api_keys : "name:sha256" each, the SHA-256 of a key in 64 hexadecimal digits
    api_keys_file : file of such keys, one a line
    metrics_open : whether /metrics answers without a key
    log_folder : where predictions are logged; None: nowhere
    log_products : whether the log holds what was sent of a product, texts included
    log_rotate_mb : size in megabytes at which a log file is closed and the next begun
    timeout_seconds : after this long a request is answered with 503
    max_waiting : batches that may wait for the model; further ones are answered with 503
    """

    model_folder: Path | None = None
    api_keys: tuple[str, ...] = ()
    api_keys_file: Path | None = None
    metrics_open: bool = False
    log_folder: Path | None = None
    log_products: bool = False
    log_rotate_mb: float = 64.0
    timeout_seconds: float = 60.0
    max_waiting: int = 64

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables AISLE_…; one that is unset or empty keeps its default.

        Raises
        ------
        ConfigurationError
            In one line that names the variable, for a value that does not fit.
        """
        return cls(
            model_folder=_path(environment, "AISLE_MODEL_FOLDER"),
            api_keys=_keys(environment, "AISLE_API_KEYS"),
            api_keys_file=_path(environment, "AISLE_API_KEYS_FILE"),
            metrics_open=_truth(environment, "AISLE_METRICS_OPEN"),
            log_folder=_path(environment, "AISLE_LOG_FOLDER"),
            log_products=_truth(environment, "AISLE_LOG_PRODUCTS"),
            log_rotate_mb=_positive(environment, "AISLE_LOG_ROTATE_MB", cls.log_rotate_mb, "megabytes"),
            timeout_seconds=_positive(environment, "AISLE_TIMEOUT_SECONDS", cls.timeout_seconds, "seconds"),
            max_waiting=_count(environment, "AISLE_MAX_WAITING", cls.max_waiting),
        )


def _text(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").strip() or None


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    text = _text(environment, name)
    return Path(text) if text else None


def _keys(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    keys = tuple(one.strip() for one in environment.get(name, "").split(",") if one.strip())
    for place, key in enumerate(keys, start=1):
        read_line(key, f"{name}: entry {place}")
    return keys


def _truth(environment: Mapping[str, str], name: str) -> bool:
    text = _text(environment, name)
    if text is None:
        return False
    if text.lower() not in _WORDS:
        raise ConfigurationError(f"{name}: '{text}' is neither true nor false")
    return _WORDS[text.lower()]


def _positive(environment: Mapping[str, str], name: str, default: float, unit: str) -> float:
    text = _text(environment, name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(f"{name}: '{text}' is not a number of {unit} above 0")
    return value


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    text = _text(environment, name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise ConfigurationError(f"{name}: '{text}' is not a whole number from 1 on")
    return int(text)
