from __future__ import annotations

import argparse

import pytest

from aisle.errors import ConfigurationError
from commands import key
from service.keys import Keys, parse_keys


def made(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    parser = argparse.ArgumentParser()
    key.add_arguments(parser)
    assert key.run(parser.parse_args([name])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    return lines[0].removeprefix("key, shown this once: "), lines[1].removeprefix("line for the service: ")


def test_the_printed_line_lets_the_printed_key_in(capsys: pytest.CaptureFixture[str]) -> None:
    secret, line = made("shop", capsys)
    assert secret not in line
    assert Keys(parse_keys(line, "file")).name_of(secret.encode()) == "shop"


def test_every_call_makes_another_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert made("shop", capsys) != made("shop", capsys)


def test_a_name_that_cannot_stand_in_the_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a key"):
        made("the shop", capsys)
    assert capsys.readouterr().out == ""
