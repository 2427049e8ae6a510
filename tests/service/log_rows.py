"""Rows for the prediction log, and what stands in its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aisle.catalogue.predictions import line_of
from tests.conftest import lacking


def rows(first: int, count: int = 1) -> dict[str, Any]:
    return {
        "product_id": [f"p{number}" for number in range(first, first + count)],
        "revision": [1] * count,
        "category_id": ["1/2"] * count,
        "branch_id": ["1"] * count,
        "confidence": [0.1 + 0.2] * count,
        "threshold": [None] * count,
        "decision": ["review"] * count,
        "reason": ["few_labels"] * count,  # no field of the log
        "model_version": "3",
        "policy_id": "policy",
        "bento_tag": "aisle:3",
    }


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 20 s"
        time.sleep(0.005)


def logged(folder: Path, pattern: str = "*.jsonl") -> list[str]:
    """The ids of all lines in the order of the files' names; every line must be whole."""
    ids = []
    for path in sorted(folder.glob(pattern)):
        content = path.read_bytes()
        assert content.endswith(b"\n"), f"{path} ends with half a line"
        ids += [line_of(line).product_id for line in content.splitlines()]
    return ids


def ids(count: int) -> list[str]:
    return [f"p{number}" for number in range(count)]


@contextlib.contextmanager
def folder_of_another() -> Iterator[tuple[Path, list[str]]]:
    """A folder of a user whom permissions bind, and the words before a command that is run as this user.

    For root that is nobody, who keeps the right to read the tools wherever they are.
    """
    folder = Path(tempfile.mkdtemp())
    words: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            lacking("setpriv of util-linux is not there, and root may write everywhere")
        os.chown(folder, 65534, 65534)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    try:
        yield folder, words
    finally:
        shutil.rmtree(folder)
