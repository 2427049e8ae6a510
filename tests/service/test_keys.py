from __future__ import annotations

import hashlib
import logging
import os
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import ConfigurationError
from service import keys
from service.keys import Keys, bearer, keys_of, line_of, make_key, parse_keys
from service.settings import Settings

NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64).filter(
    lambda name: not name.startswith(keys.PREFIX)
)
DIGESTS = st.binary(min_size=32, max_size=32)


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "SECONDS_BETWEEN_LOOKS", 0.0)


def file_of(folder: Path, *lines: str) -> Path:
    path = folder / "keys.txt"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_a_key_is_256_random_bits_that_need_no_quoting() -> None:
    made = {make_key() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"aisle_[A-Za-z0-9_-]{43}", key) for key in made)


def test_the_line_holds_the_hash_and_not_the_key() -> None:
    key = make_key()
    assert line_of("shop", key) == f"shop:{hashlib.sha256(key.encode()).hexdigest()}"


@pytest.mark.parametrize("name", ["", "a b", "ä", "a:b", "a,b", "a#b", "x" * 65, "a\n", "aisle_shop"])
def test_a_name_that_would_not_survive_the_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a key"):
        line_of(name, make_key())


@given(st.dictionaries(NAMES, DIGESTS), st.sampled_from([",", "\n", " , ", "\r\n", "\n# note: a\n\n", " # it\n"]))
def test_what_is_written_is_read_however_it_is_separated(known: dict[str, bytes], between: str) -> None:
    unique = {digest: name for name, digest in known.items()}
    expected = {name: digest for digest, name in unique.items()}
    text = between.join(f"{name}:{digest.hex()}" for name, digest in expected.items())
    assert parse_keys(text, "keys.txt") == expected


@given(st.text())
def test_any_text_gives_keys_or_one_line_that_does_not_repeat_it(text: str) -> None:
    try:
        found = parse_keys(text, "keys.txt")
    except ConfigurationError as error:
        message = str(error)
        assert "\n" not in message
        assert message.startswith("keys.txt: ")
    else:
        assert all(len(digest) == 32 for digest in found.values())


@given(NAMES, st.text(string.ascii_letters + string.digits + "_-", min_size=20, max_size=63))
def test_a_key_in_place_of_its_hash_is_refused_and_never_repeated(name: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match="no SHA-256 of a key") as raised:
        parse_keys(f"# keys\n{name}:{key}", "keys.txt")
    assert key not in str(raised.value)
    assert "keys.txt: line 2: " in str(raised.value)


def test_a_bare_key_is_told_from_a_misspelt_line() -> None:
    with pytest.raises(ConfigurationError, match="take it out, for others may have seen it"):
        parse_keys(make_key(), "keys.txt")
    with pytest.raises(ConfigurationError, match="not of the form name:sha256"):
        parse_keys("shop", "keys.txt")


def test_one_name_for_two_keys_or_two_names_for_one_are_refused() -> None:
    one, other = line_of("shop", "a"), line_of("shop", "b")
    with pytest.raises(ConfigurationError, match="entry 2: the name shop stands twice"):
        parse_keys(f"{one},{other}", "AISLE_API_KEYS")
    with pytest.raises(ConfigurationError, match="desk is a key that has another name already"):
        parse_keys(f"{one},{line_of('desk', 'a')}", "AISLE_API_KEYS")


def test_known_keys_are_named_and_others_are_not() -> None:
    shop, desk = make_key(), make_key()
    known = Keys(parse_keys(f"{line_of('shop', shop)},{line_of('desk', desk)}", "x"))
    assert known.configured
    assert [known.name_of(key.encode()) for key in (shop, desk, make_key(), shop[:-1], "")] == [
        "shop",
        "desk",
        None,
        None,
        None,
    ]
    assert known.name_of(b"\xff\x00") is None


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    known = Keys({str(n): hashlib.sha256(b"%d" % n).digest() for n in range(5)})
    assert known.name_of(b"0") == "0"
    assert len(compared) == 5


def test_without_keys_nothing_is_configured() -> None:
    assert not Keys({}).configured
    assert Keys({}).name_of(b"") is None


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    known = Keys({"fixed": hashlib.sha256(b"f").digest()}, path)
    assert known.name_of(b"a") == "shop"
    file_of(tmp_path, line_of("desk", "b"))
    os.utime(path, ns=(1, 1))
    assert (known.name_of(b"a"), known.name_of(b"b"), known.name_of(b"f")) == (None, "desk", "fixed")


def test_it_is_not_looked_at_for_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "SECONDS_BETWEEN_LOOKS", 60.0)
    path = file_of(tmp_path, line_of("shop", "a"))
    known = Keys({}, path)
    file_of(tmp_path, line_of("desk", "bb"))
    assert known.name_of(b"a") == "shop"
    monkeypatch.setattr(keys.time, "monotonic", lambda: 1e12)
    assert known.name_of(b"a") is None


def test_a_file_that_loses_its_last_key_lets_nobody_in(tmp_path: Path) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    known = Keys({}, path)
    file_of(tmp_path, "# nobody now")
    assert known.name_of(b"a") is None
    assert known.configured


@pytest.mark.parametrize("spoil", ["missing", "mistake", "writable", "binary"])
def test_a_file_that_is_spoilt_later_changes_nothing(
    spoil: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    known = Keys({}, path)
    if spoil == "missing":
        path.unlink()
    elif spoil == "mistake":
        file_of(tmp_path, line_of("desk", "b"), "desk2:" + make_key())
    elif spoil == "binary":
        path.write_bytes(b"\xff\xfe")
    else:
        file_of(tmp_path, line_of("desk", "b"))
        path.chmod(0o666)
    with caplog.at_level(logging.ERROR):
        assert (known.name_of(b"a"), known.name_of(b"b")) == ("shop", None)
    assert "the API keys known so far stay in force" in caplog.text


def test_what_is_wrong_with_the_file_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    known = Keys({}, path)

    def said() -> int:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                assert known.name_of(b"a") == "shop"
        return len(caplog.records)

    assert (said(), known.failing) == (0, False)
    path.rename(tmp_path / "away")
    assert (said(), said(), known.failing) == (1, 0, True)
    file_of(tmp_path, "shop:abc")
    assert (said(), said()) == (1, 0)
    file_of(tmp_path, "# another mistake", "shop:abc")
    assert (said(), known.failing) == (1, True)
    (tmp_path / "away").rename(path)
    assert (said(), known.failing) == (0, False)
    path.unlink()
    assert (said(), known.failing) == (1, True)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (b"# none yet\n", 0o644, "holds no key yet"),
        (b"shop:abc\n", 0o644, "line 1: this is no SHA-256"),
        (b"\xff\n", 0o644, "not UTF-8"),
        (b"#" * (2**20 + 1), 0o644, "more than 1 MB"),
        (line_of("shop", "a").encode(), 0o666, "everyone may write"),
    ],
)
def test_a_file_that_cannot_be_used_at_the_start_is_one_line(
    content: bytes, mode: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.txt"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=message) as raised:
        Keys({}, path)
    assert str(path) in str(raised.value)


def test_a_missing_file_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"AISLE_API_KEYS_FILE: .*no such file"):
        keys_of(Settings(api_keys_file=tmp_path / "none"))


def test_everyone_may_read_the_file_for_it_holds_hashes(tmp_path: Path) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    path.chmod(0o444)
    settings = Settings(api_keys=(line_of("desk", "b"),), api_keys_file=path)
    assert [keys_of(settings).name_of(key) for key in (b"a", b"b")] == ["shop", "desk"]


def test_a_name_of_both_places_must_be_the_same_key(tmp_path: Path) -> None:
    path = file_of(tmp_path, line_of("shop", "a"))
    assert keys_of(Settings(api_keys=(line_of("shop", "a"),), api_keys_file=path)).name_of(b"a") == "shop"
    with pytest.raises(ConfigurationError, match="shop is another key in AISLE_API_KEYS"):
        keys_of(Settings(api_keys=(line_of("shop", "b"),), api_keys_file=path))


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ([b"Bearer abc"], b"abc"),
        ([b"bearer  abc "], b"abc"),
        ([b"Basic abc"], None),
        ([b"Bearer"], None),
        ([b"Bearer "], None),
        ([b""], None),
        ([], None),
        ([b"Bearer a", b"Bearer b"], None),
    ],
)
def test_bearer(values: list[bytes], key: bytes | None) -> None:
    assert bearer([(b"host", b"x"), *((b"authorization", value) for value in values)]) == key
