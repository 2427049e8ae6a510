from __future__ import annotations

import gzip
import html
import io
import os
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from desk.configuration import Configuration
from desk.inbox import uploads
from desk.inbox.columns import guesses
from desk.inbox.models import Upload
from desk.inbox.templatetags.inbox_numbers import file_size
from desk.inbox.uploads import Storing
from desk.ledger.models import Product, Revision

pytestmark = pytest.mark.django_db
CSV = b"SKU,Product name,Brand,Price\nsku-1,Cordless drill,Bo,49.90\nsku-2,<b>Saw</b>,,\n"


@pytest.fixture
def client(client_of: Callable[..., Client], configuration: Configuration) -> Client:
    """A business owner's browser."""
    return client_of("business")


def send(client: Client, content: bytes, name: str = "feed.csv") -> Any:
    return client.post("/inbox/upload/", {"file": SimpleUploadedFile(name, content)})


def name_columns(client: Client, address: str, **more: str) -> Any:
    values = {"column-product_id": "SKU", "column-title": "Product name", "column-price": "Price", "store": ""} | more
    return client.post(address, values)


def work() -> None:
    storing = Storing()
    while storing.step():
        pass


def kept_files(configuration: Configuration) -> list[Path]:
    folder = configuration.folder / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (84_321, "84.3 kB"), (999_949, "999.9 kB"),
     (999_950, "1.0 MB"), (12_345_678, "12.3 MB")],
)  # fmt: skip
def test_sizes_are_in_the_unit_that_shows_them(size: int, text: str) -> None:
    assert file_size(size) == text


def test_the_page_of_a_small_file_says_its_size(client: Client) -> None:
    address = send(client, CSV * 100)["Location"]
    assert "<p>7.8 kB. Say which" in client.get(address).content.decode()


def test_from_file_to_stored_products(client: Client, configuration: Configuration) -> None:
    answer = send(client, CSV)
    assert answer.status_code == 302
    page = client.get(answer.url).content.decode()
    assert "Cordless drill" in page
    assert "&lt;b&gt;Saw&lt;/b&gt;" in page
    assert '<option value="SKU" selected>' in page
    assert '<option value="Product name" selected>' in page
    assert not Product.objects.exists()
    assert name_columns(client, answer.url).status_code == 302
    assert not Product.objects.exists()
    work()
    upload = Upload.objects.get()
    assert (upload.state, upload.counts) == ("done", {"stored": 2})
    row = Revision.objects.get(product__product_id="sku-1")
    assert (row.title, row.price, row.brand) == ("Cordless drill", 49.9, None)
    assert kept_files(configuration) == []
    assert "Stored" in client.get(answer.url).content.decode()
    again = send(client, CSV).url
    name_columns(client, again)
    work()
    assert Upload.objects.get(pk=again.split("/")[-2]).counts == {"known": 2}


def test_ids_that_are_unique_within_a_seller(client: Client) -> None:
    address = send(client, b"id;shop;name;price\n1;north;Drill;1.234,50\n1;south;Saw;2\n").url
    values = {
        "column-product_id": "id", "column-title": "name", "column-seller": "shop", "column-price": "price",
        "decimal": ",", "unique_by_seller": "on", "store": "",
    }  # fmt: skip
    assert client.post(address, values).status_code == 302
    work()
    assert set(Product.objects.values_list("product_id", "seller")) == {("north:1", "north"), ("south:1", "south")}
    assert Revision.objects.get(product__product_id="north:1").price == 1234.5


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_encodings_are_guessed(client: Client, encoding: str) -> None:
    address = send(client, "id;title\n1;Bügelsäge für Holz\n".encode(encoding)).url
    assert "Bügelsäge" in client.get(address).content.decode()
    client.post(
        address,
        {"column-product_id": "id", "column-title": "title", "encoding": encoding.removesuffix("-sig"), "store": ""},
    )
    work()
    assert Revision.objects.get().title == "Bügelsäge für Holz"


def parquet(table: pa.Table, **options: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return target.getvalue()


def test_parquet_and_json_lines(client: Client) -> None:
    frame = pd.DataFrame({"SKU": ["a", "b"], "Product name": ["Drill", "Saw"], "Price": [1.5, None]})
    for name, content in (
        ("feed.parquet", parquet(pa.Table.from_pandas(frame))),
        ("feed.jsonl.gz", gzip.compress(b'{"SKU": "c", "Product name": "Plane", "Price": 3}\n')),
    ):
        address = send(client, content, name).url
        assert name_columns(client, address).status_code == 302
    work()
    assert set(Revision.objects.values_list("title", "price")) == {("Drill", 1.5), ("Saw", None), ("Plane", 3.0)}


def packed(content: bytes) -> bytes:
    """The same bytes whenever it is asked, since they name tests."""
    return gzip.compress(content, mtime=0)


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed.csv", b"0" * 10_000_000)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("feed.zip", zipped(), "ZIP archive or a spreadsheet"),
        ("feed.csv", zipped(), "ZIP archive or a spreadsheet"),
        ("feed.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "spreadsheet of an old kind"),
        ("feed.csv", b"%PDF-1.7", "a PDF"),
        ("feed.csv", b"", "submitted|empty|Choose"),
        ("feed.csv", "id,title\n1,x\n".encode("utf-16"), "UTF-16"),
        ("feed.csv", b"\x7fELF\x01\0\0\0", "is no text"),
        ("feed.parquet", b"id,title\n1,x\n", "no Parquet file"),
        ("feed.parquet", b"PAR1" + b"x" * 100, "cannot be read as Parquet"),
        ("feed.csv.gz", packed(CSV)[:-12], "cut off"),
        ("feed.csv.gz", b"\x1f\x8b" + b"x" * 100, "damaged gzip"),
        ("feed.csv.gz", packed(packed(CSV)), "packed twice"),
        ("feed.csv.gz", packed(CSV) + packed(CSV), "more than one gzip"),
        ("feed.csv.gz", packed(b""), "empty"),
    ],
)
def test_a_file_of_the_wrong_kind_gets_a_clear_message(
    client: Client, configuration: Configuration, name: str, content: bytes, said: str
) -> None:
    import re

    answer = send(client, content, name)
    assert answer.status_code == 400
    assert re.search(said, answer.content.decode())
    assert not Upload.objects.exists()
    assert kept_files(configuration) == []


def test_bombs_are_stopped_on_their_way(
    client: Client, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_UNPACKED", 5_000_000)
    bomb = gzip.compress(b"id,title\n" + b"1,x\n" * 5_000_000)
    assert len(bomb) < 100_000
    answer = send(client, bomb, "feed.csv.gz")
    assert answer.status_code == 400
    assert "unpacks to more than" in answer.content.decode()
    long = pa.table({"id": ["1"] * 20, "title": ["x" * 3_000_000] * 20})
    small = parquet(long, compression="zstd")
    assert len(small) < 200_000
    answer = send(client, small, "feed.parquet")
    assert "holds a text longer than" in answer.content.decode()
    many = pa.table(
        {
            "id": pa.array(["1"] * 11_000_000).dictionary_encode(),
            "title": pa.array(["x"] * 11_000_000).dictionary_encode(),
        }
    )
    assert "unpacks to more than" in send(client, parquet(many), "feed.parquet").content.decode()
    assert kept_files(configuration) == []


def test_a_huge_file_is_refused_before_it_is_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.generic(
        "POST", "/inbox/upload/", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="300000000"
    )
    assert answer.status_code == 413
    assert "larger than 200 MB" in answer.content.decode()
    monkeypatch.setattr(uploads, "MOST_BYTES", 20)
    assert "larger than" in send(client, CSV).content.decode()
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CSV + b"sku-3,Drill,Bo,cheap\n", "feed.csv: line 4: price is &#x27;cheap&#x27;"),
        (CSV + b"only one field\n", "line 4: 1 fields"),
        (b"SKU,Product name,Price\n,Drill,1\n", "no product_id"),
    ],
)
def test_first_rows_that_do_not_fit_are_said_before_anything_is_stored(
    client: Client, content: bytes, said: str
) -> None:
    address = send(client, content).url
    answer = name_columns(client, address)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert Upload.objects.get().state == "chosen"


def test_a_mistake_further_down_stores_nothing_of_the_file(client: Client, configuration: Configuration) -> None:
    many = b"".join(b"p%d,Drill,,1\n" % place for place in range(12_000))
    address = send(client, CSV + many + b"last,Drill,,cheap\n").url
    assert name_columns(client, address).status_code == 302
    work()
    upload = Upload.objects.get()
    assert upload.state == "failed"
    assert upload.problem.startswith("feed.csv: line 12004: price is 'cheap'")
    assert not Product.objects.exists()
    assert kept_files(configuration) == []
    assert "Nothing was stored" in client.get(address).content.decode()


def test_a_worker_that_is_killed_in_a_file_goes_on(client: Client) -> None:
    many = b"SKU,Product name,Price\n" + b"".join(b"p%d,Drill %d,1\n" % (place, place) for place in range(3500))
    name_columns(client, send(client, many).url)
    storing = Storing()
    while not Product.objects.exists():
        storing.step()
    assert Product.objects.count() == 1000
    work()  # another one, that knows nothing of the first
    assert Product.objects.count() == Revision.objects.count() == 3500
    assert Upload.objects.get().counts == {"known": 1000, "stored": 2500}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"id,title\n" + b"1,Drill\n" * 131_071 + "2,S\u00e4ge\n".encode("cp1252"), "cp1252"),
        (b"id,title\n" + b"1,Drill\n" * 300_000 + "2,S\u00e4ge\n".encode("cp1252"), "cp1252"),
        (b"id,title\n1," + b"x" * (2**20 - 12) + "\u00e4\n".encode("cp1252"), "cp1252"),  # across the pieces read
        (b"id,title\n1," + b"x" * (2**20 - 12) + "\u00e4\n".encode(), "utf-8"),
        ("\ufeffid,title\n1,S\u00e4ge\n".encode(), "utf-8"),
        ("\ufeffid,title\n1,S".encode() + b"\xe4ge\n", "cp1252"),
        ("id,title\n1,S\u00e4ge\n2,Stra\u00dfe".encode()[:-4] + b"\xdfe\n", "utf-8"),  # broken, and said so
    ],
    ids=range(7),
)
def test_all_of_a_file_is_looked_at_for_its_encoding(client: Client, content: bytes, encoding: str) -> None:
    send(client, content)
    assert Upload.objects.get().mapping["encoding"] == encoding


def test_what_is_read_otherwise_than_it_is_written_says_what_to_choose(client: Client) -> None:
    broken = CSV + "sku-3,S\u00e4ge,,\nsku-4,S".encode() + b"\xe4ge,,\n"
    address = send(client, broken).url
    page = html.unescape(client.get(address).content.decode())
    byte = broken.index(b"\xe4")
    assert f"line 5: not utf-8 text (byte {byte} of the file). Mend the file, or choose another encoding" in page
    address = send(client, b'SKU,Product name,Price\n1,2" pipe,1\n2,"Saw,2\n').url
    page = html.unescape(client.get(address).content.decode())
    assert "line 3: not readable as CSV" in page
    assert "or choose that quotation marks mean nothing." in page
    assert "{" not in page.split("notice bad")[1].split("</p>")[0]
    assert name_columns(client, address, quotes="no").status_code == 302
    work()
    assert set(Revision.objects.values_list("title", flat=True)) == {'2" pipe', '"Saw'}
    answer = name_columns(client, send(client, b"SKU;Product name;Price\n1;Saw;12,50\n").url)
    assert "choose how the decimals of the price are written" in html.unescape(answer.content.decode())


def test_a_mistake_found_later_says_to_send_the_file_again(client: Client) -> None:
    many = b"".join(b"p%d,Drill,,1\n" % place for place in range(12_000))
    address = send(client, CSV + many + b'last,"Drill,,1\n').url
    assert name_columns(client, address).status_code == 302
    work()
    assert Upload.objects.get().problem.endswith(
        "Mend the file, or send the file again, and there choose that quotation marks mean nothing."
    )


def test_files_that_nobody_names_the_columns_of_are_deleted_after_a_day(
    client: Client, configuration: Configuration
) -> None:
    left, going, fresh = (send(client, CSV).url for _ in range(3))
    name_columns(client, going)
    now = timezone.now()
    old = Upload.objects.exclude(pk=fresh.split("/")[-2])
    old.update(created_at=now - timedelta(hours=25))
    for path in kept_files(configuration):
        if fresh.split("/")[-2] not in path.name:
            os.utime(path, (now.timestamp() - 90_000,) * 2)
    broken_off = configuration.folder / "uploads" / f"{uuid4()}.part"
    broken_off.touch()
    os.utime(broken_off, (now.timestamp() - 90_000,) * 2)
    stranger = configuration.folder / "uploads" / "notes.txt"
    stranger.touch()
    os.utime(stranger, (now.timestamp() - 90_000,) * 2)
    Storing().step()
    assert set(Upload.objects.values_list("state", flat=True)) == {"chosen", "checking"}
    assert not broken_off.exists()
    assert stranger.exists()
    assert client.get(left).status_code == 404
    assert client.get(fresh).status_code == 200
    work()
    assert Upload.objects.get(pk=going.split("/")[-2]).counts == {"stored": 2}
    assert len(kept_files(configuration)) == 2


def test_names_of_files_are_no_paths(client: Client, configuration: Configuration) -> None:
    send(client, CSV, "../../../etc/<img src=x>.csv")
    upload = Upload.objects.get()
    assert upload.name == "<img src=x>.csv"
    assert kept_files(configuration) == [configuration.folder / "uploads" / f"{upload.pk}.csv"]
    assert "<img src=x>" not in client.get("/inbox/").content.decode()


def test_a_file_that_is_forgotten_is_gone(client: Client, configuration: Configuration) -> None:
    address = send(client, CSV).url
    assert client.post(address, {"forget": ""}).status_code == 302
    assert kept_files(configuration) == []
    assert client.get(address).status_code == 404


def test_only_who_may_sends_files(client_of: Callable[..., Client], configuration: Configuration) -> None:
    for address in ("/inbox/", "/inbox/now/", "/inbox/upload/"):
        assert client_of("labeller").get(address).status_code == 403
        assert Client().get(address).status_code == 302
    assert send(client_of("labeller"), CSV).status_code == 403
    assert send(client_of("business", "strict", True), CSV).status_code == 403  # no value of the page
    assert not Upload.objects.exists()


def test_columns_are_guessed_by_their_names() -> None:
    assert guesses(["Product-ID", "Produkt", "Title", "Categories", "SALE_PRICE"]) == {
        "product_id": "Product-ID", "title": "Title", "seller_category": "Categories", "price": "SALE_PRICE",
    }  # fmt: skip
    assert guesses(["id", "sku", "name"]) == {"product_id": "id", "title": "name"}
    assert guesses([]) == {}
