from __future__ import annotations

import html
import time
import tracemalloc
from collections.abc import Callable

import pyarrow as pa
import pytest
from django.test import Client

from desk.configuration import Configuration
from tests.desk.inbox.test_uploads import kept_files, parquet, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of: Callable[..., Client], configuration: Configuration) -> Client:
    """A business owner's browser."""
    return client_of("business")


LONG = "ü" * (3 << 18)  # 1.5 MB


MEGABYTE = b',"' + (b"x" * 999 + b"\n") * 1000 + b'"'


def repeated(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([text]))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([LONG] * 20, pa.large_string()), "a text longer than 1 MB"),
        (pa.array([LONG] * 20, pa.string_view()), "a text longer than 1 MB"),
        (pa.array([LONG.encode()] * 20, pa.large_binary()), "a text longer than 1 MB"),
        (repeated(LONG, 20), "a text longer than 1 MB"),
        (pa.array([{"a": LONG}] * 20), "holds lists or objects"),
        (pa.array([[LONG]] * 20), "holds lists or objects"),
        (pa.array([[1] * 1000] * 20), "holds lists or objects"),
        (pa.array([b"x" * 2000] * 20, pa.binary(2000)), "values of the type fixed_size_binary"),
    ],
    ids=lambda one: str(one.type)[:30] if isinstance(one, pa.Array) else "",
)
def test_columns_that_unpack_to_much_are_refused(
    client: Client, configuration: Configuration, column: pa.Array, said: str
) -> None:
    table = pa.table({"id": [str(place) for place in range(20)], "title": ["Drill"] * 20, "more": column})
    small = parquet(table, compression="zstd")
    assert len(small) < 20_000
    answer = send(client, small, "feed.parquet")
    assert answer.status_code == 400
    page = html.unescape(answer.content.decode())
    assert "'more'" in page
    assert said in page
    assert kept_files(configuration) == []


def test_a_row_of_many_long_texts_is_refused(client: Client) -> None:
    wide = {f"c{number}": repeated("x" * (1 << 20), 5) for number in range(6)}
    small = parquet(pa.table({"id": ["1"] * 5, "title": ["Drill"] * 5, **wide}), compression="zstd")
    assert "row 1: its texts are longer than 5 MB together" in send(client, small, "f.parquet").content.decode()


def test_no_more_than_a_few_megabytes_become_values_at_a_time(client: Client) -> None:
    """10,000 rows of 1 MB each, in 25 kB: 10 GB if they were read at once."""
    count = 10_000
    table = pa.table({"id": [str(place) for place in range(count)], "title": repeated("x" * (1 << 20), count)})
    address = send(client, parquet(table, compression="zstd"), "feed.parquet").url
    tracemalloc.start()
    try:
        assert "xxx" in client.get(address).content.decode()
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.csv", b"id,title,a,b,c,d,e\n1" + MEGABYTE * 6 + b"\n", "line 2: a row of more than 5 MB"),
        ("f.csv", b",".join(b"c%d" % number for number in range(200_000)) + b"\n", "200,000 columns; 500 are the most"),
        ("f.jsonl", b'{"id": 1, "title": "' + b"x" * 6_000_000 + b'"}\n', "line 1: a row of more than 5 MB"),
        (
            "f.jsonl",
            b"".join(b'{"id": 1, "title": "x", "c%d": 1}\n' % number for number in range(9000)),
            "9,002 columns; 500 are the most",
        ),
    ],
)
def test_files_too_wide_or_rows_too_long_are_said_at_once(client: Client, name: str, content: bytes, said: str) -> None:
    address = send(client, content, name).url
    began = time.process_time()
    assert said in client.get(address).content.decode()
    assert time.process_time() - began < 3
