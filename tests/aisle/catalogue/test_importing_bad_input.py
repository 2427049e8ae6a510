"""Bad input gives one clear line that says what, where and how to mend, and leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from aisle.catalogue.importing import import_files, read_mapping
from aisle.errors import AisleError, ConfigurationError, DataError

PRODUCT = {"product_id": "id", "title": "title"}
MAPPING: dict[str, Any] = {"product": PRODUCT, "category": {"id": "cat"}}
CSV = "id,title,cat\n1,Drill,tools\n2,Bear,toys\n"
Refusal = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """The line that an import of `content` (written to `name`) is refused with; checks that nothing is left."""

    def refusal(content: str | bytes, name: str = "offers.csv", mapping: Any = MAPPING, into: str = "data") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(mapping))
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(AisleError) as caught:
            import_files(read_mapping(tmp_path / "mapping.yaml"), [path], tmp_path / into)
        assert sorted(tmp_path.rglob("*")) == before
        line = str(caught.value)
        assert "\n" not in line
        return line.replace(f"{tmp_path}/", "")

    return refusal


def jsonl(rows: int) -> list[str]:
    return [json.dumps({"id": str(number), "title": f"Thing {number}", "cat": "a"}) for number in range(1, rows + 1)]


# The mapping


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "empty; a mapping names at least product.product_id and product.title"),
        ("# nothing\n", "empty; a mapping names at least product.product_id and product.title"),
        ("product: {title: [", "line 1: not readable as YAML"),
        ("product:\n\ttitle: a\n", "line 2: not readable as YAML"),
        ("just words", "must be a table of names and values"),
        ("product: {title: t}", "product lacks product_id"),
        ("product: {product_id: i, titel: t}", "product.titel is not a parameter; did you mean title?"),
        ("prodct: {product_id: i, title: t}", "prodct is not a parameter; did you mean product?"),
        ("product: {product_id: i, title:}", "product.title must be a column, a template or a table"),
        ("product: {product_id: i, title: 7}", "product.title must be a column, a template or a table"),
        (
            "product: {product_id: {seller}, title: t}",
            "product.product_id begins with a brace; put a template in quotation",
        ),
        ("product: {product_id: '{a', title: t}", "product.product_id has a brace without its partner"),
        ("product: {product_id: 'x{}', title: t}", "product.product_id names no column"),
        ("product: {product_id: i, title: {host: a, column: b}}", "product.title needs one of column, template"),
        (
            "product: {product_id: i, title: {seperator: a}}",
            "product.title.seperator is not a parameter; did you mean sep",
        ),
        ("product: {product_id: i, title: {join: []}}", "product.title names no column"),
        (
            "product: {product_id: i, title: t, seller: {constant: no}}",
            "product.seller.constant must be a text or a number",
        ),
        (
            "product: {product_id: i, title: t}\ncategory: {}",
            "category needs one of levels, breadcrumb, id; it has none",
        ),
        ("product: {product_id: i, title: t}\ncategory: {id: a, levels: [b]}", "it has levels and id"),
        ("product: {product_id: i, title: t}\ncategory: {id: a, code: _}", "category.code goes with category.levels"),
        ("product: {product_id: i, title: t}\nsplit: {trian: a}", "split.trian is no role; the roles are train,"),
        ("product: {product_id: i, title: t}\nfile: {format: xml}", "file.format is 'xml'"),
        ("product: {product_id: i, title: t}\nfile: {encoding: utf-16}", "file.encoding 'utf-16' cannot be read"),
        ("product: {product_id: i, title: t}\nfile: {encoding: klingon}", "file.encoding 'klingon' cannot be read"),
        ("product: {product_id: i, title: t}\nfile: {delimiter: ab}", "file.delimiter must be one character"),
        ("product: {product_id: i, title: t}\nfile: {columns: [a, a]}", "file.columns names 'a' twice"),
        ("product: {product_id: i, title: t}\nmax_empty_titles: 2", "max_empty_titles is 2; it must lie in [0, 1]"),
        ("product: {product_id: i, title: t}\nlabels: {labeller: a}", "labels needs category"),
        (
            "product: {product_id: i, title: t}\ncategory: {id: c}\nlabels: {origin: audit}",
            "labels.audit_probability is needed with origin audit",
        ),
    ],
)
def test_broken_mappings(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert line in str(caught.value)


def test_a_mapping_that_is_noise_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file; check the path"):
        read_mapping(tmp_path / "mapping.yaml")
    (tmp_path / "mapping.yaml").write_bytes(random.Random(1).randbytes(500))
    with pytest.raises(ConfigurationError, match="not readable as YAML"):
        read_mapping(tmp_path / "mapping.yaml")


def test_a_new_catalogue_without_categories(refusal: Refusal) -> None:
    assert "category is missing; a new catalogue needs labels" in refusal(CSV, mapping={"product": PRODUCT})


@pytest.mark.parametrize(
    ("name", "content"), [("offers.csv", CSV), ("offers.jsonl", '{"id": 1, "title": "Drill", "cat": "a"}\n')]
)
def test_a_column_that_the_file_lacks(refusal: Refusal, name: str, content: str) -> None:
    wrong = {"product": {**PRODUCT, "title": "titel"}, "category": {"id": "cat"}}
    assert refusal(content, name, wrong) == (
        f"{name}: no column 'titel', of product.title in mapping.yaml; did you mean title? "
        "The file has 'id', 'title', 'cat'"
    )
    wrong = {"product": {**PRODUCT, "product_id": "{shop}:{id}"}, "category": {"id": "cat"}}
    assert "no column 'shop', of product.product_id" in refusal(content, name, wrong)
    wrong = {"product": PRODUCT, "category": {"id": "l3"}}
    assert "no column 'l3', of category in mapping.yaml; mend the mapping. The file has" in refusal(
        content, name, wrong
    )


def test_a_file_name_that_no_split_fits(refusal: Refusal) -> None:
    split = {"train": "train*", "test": "*test*"}
    assert "offers.csv: no pattern of split fits this file name" in refusal(CSV, mapping={**MAPPING, "split": split})
    assert "train-test.csv: several patterns of split fit" in refusal(
        CSV, "train-test.csv", {**MAPPING, "split": split}
    )


def test_a_file_name_that_tells_no_format(refusal: Refusal) -> None:
    assert refusal(CSV, "offers.xls").startswith(
        "offers.xls: the name does not tell the format; write file: {format: csv}"
    )


# The files


def test_files_that_are_not_there_or_folders_or_twice(tmp_path: Path, refusal: Refusal) -> None:
    refusal("id,title\n")  # writes the mapping
    mapping = read_mapping(tmp_path / "mapping.yaml")
    path = tmp_path / "good.csv"
    path.write_text(CSV)
    (tmp_path / "link.csv").symlink_to(path)
    for files, line in [
        ([tmp_path / "nothing.csv"], "nothing.csv: no such file; check the path"),
        ([tmp_path], "this is a folder; name the files in it"),
        ([path, path], "good.csv: the same file is given twice"),
        ([path, tmp_path / "link.csv"], "link.csv: the same file is given twice"),
    ]:
        with pytest.raises(DataError, match=line):
            import_files(mapping, files, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["offers.csv", "offers.jsonl", "offers.csv.gz", "offers.parquet"])
def test_empty_files(refusal: Refusal, name: str) -> None:
    empty = gzip.compress(b"") if name.endswith(".gz") else b""
    assert refusal(empty, name) == f"{name}: the file is empty"


def test_files_without_rows(refusal: Refusal) -> None:
    assert refusal("id,title,cat\n") == "offers.csv: the file holds no row, only a header"
    assert refusal("\n\n\n", "offers.jsonl") == "offers.jsonl: the file holds no row"


def test_a_truncated_gzip_file(refusal: Refusal) -> None:
    whole = gzip.compress("\n".join(jsonl(5000)).encode())
    line = refusal(whole[: len(whole) // 2], "offers.jsonl.gz")
    assert line.startswith("offers.jsonl.gz: the gzip file ends too early (after line ")
    assert line.endswith("it was cut off, get it again")
    assert "ends too early" in refusal(whole[:12], "offers.jsonl.gz")


def test_a_damaged_gzip_file(refusal: Refusal) -> None:
    whole = bytearray(gzip.compress("\n".join(jsonl(5000)).encode()))
    assert "damaged gzip file (at its beginning)" in refusal(bytes([*whole[:2], 7, *whole[3:]]), "offers.jsonl.gz")
    whole[-6] ^= 1  # of the check sum
    assert "damaged gzip file (after line 4999)" in refusal(bytes(whole), "offers.jsonl.gz")


@pytest.mark.parametrize("name", ["offers.csv", "offers.jsonl", "offers.parquet"])
def test_binary_noise(refusal: Refusal, name: str) -> None:
    line = refusal(b"\x00\x93" + random.Random(2).randbytes(5000), name)
    if name == "offers.parquet":
        assert line.startswith("offers.parquet: cannot be read as Parquet")
    else:
        assert line.startswith(f"{name}: line 1: not utf-8 text (byte 1 of the file)")


def test_a_parquet_file_that_was_cut_off(refusal: Refusal) -> None:
    assert refusal(b"PAR1" + b"\0" * 200, "offers.csv").startswith("offers.csv: cannot be read as Parquet")


def test_another_encoding_has_its_line_and_byte(refusal: Refusal) -> None:
    line = refusal(CSV.encode() + "3,Säge,tools\n".encode("latin-1"))
    offset = len(CSV) + len("3,S")
    assert line == (
        f"offers.csv: line 4: not utf-8 text (byte {offset} of the file); "
        "save it as UTF-8, or name its encoding: file: {encoding: cp1252}"
    )
    assert "(it looks like UTF-16); save it as UTF-8" in refusal(CSV.encode("utf-16"))


def test_a_json_error_on_line_501(refusal: Refusal) -> None:
    lines = jsonl(600)
    lines[500] = lines[500].replace('"title"', "title")
    line = refusal("\n".join(lines), "offers.jsonl")
    assert line.startswith(
        "offers.jsonl: line 501: not JSON (Expecting property name enclosed in double quotes, column 15)"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[\n{}]", "line 1: a JSON list over several lines; write one object a line"),
        ("[1]\n", "line 1: a JSON list, not an object"),
        ('{"id": "1", "title": "a", "cat": "b"}\n7\n', "line 2: a JSON int, not an object"),
        ("[" * 100_000, "line 1: "),
        ('{"id": ' + "9" * 5000 + "}", "line 1: not JSON (nested too deep or a number too long)"),
        ('{"id": {"a": 1}, "title": "a", "cat": "b"}', "line 1: column 'id' holds an object; map a plain column"),
    ],
)
def test_json_that_is_no_row(refusal: Refusal, content: str, line: str) -> None:
    assert refusal(content, "offers.jsonl").startswith(f"offers.jsonl: {line}")


def test_a_csv_row_with_another_number_of_fields(refusal: Refusal) -> None:
    line = "offers.csv: line {}: {} fields where the header has 3; mend the line"
    assert refusal(CSV + "3,Saw,cheap,tools\n").startswith(line.format(4, 4))
    assert refusal(CSV + '3,"A\nsaw",tools\n4,Axe\n').startswith(line.format(6, 2))
    named = {**MAPPING, "file": {"columns": ["id", "title"]}}
    assert "line 1: 3 fields where the mapping names 2" in refusal(CSV, mapping={**named, "category": {"id": "title"}})


def test_a_quotation_mark_that_is_not_closed(refusal: Refusal) -> None:
    assert "line 4: not readable as CSV (a quotation mark is not closed)" in refusal(CSV + '3,"Saw,tools\n' + CSV)
    far = refusal(CSV + '3,"Saw,tools\n' + "x" * 5_000_000)
    assert "line 4: not readable as CSV (a quotation mark is not closed)" in far


def test_a_line_too_long_to_be_text(refusal: Refusal) -> None:
    assert "line 1 is longer than 16 MiB; is it text?" in refusal(b"x" * (17 << 20))


def test_a_header_with_a_name_twice(refusal: Refusal) -> None:
    assert "the header names 'cat' twice" in refusal("id,title,cat,cat\n1,a,b,c\n")


# The rows


def test_a_product_id_twice_says_both_places(tmp_path: Path, refusal: Refusal) -> None:
    assert refusal(CSV + "1,Saw,tools\n") == (
        "offers.csv: line 4: product_id '1' stands already in offers.csv, line 2; "
        'take one row out, or map an id that is unique, such as "{seller}:{id}"'.replace(
            "in offers", f"in {tmp_path}/offers"
        )
    ).replace(f"{tmp_path}/", "")
    lines = [*jsonl(12_000), jsonl(1)[0]]
    assert "line 12001: product_id '1' stands already in offers.jsonl, line 1;" in refusal(
        "\n".join(lines), "offers.jsonl"
    )


def test_a_product_id_in_two_files_says_both(tmp_path: Path, refusal: Refusal) -> None:
    refusal(CSV.splitlines()[0])
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(CSV)
    with pytest.raises(DataError, match=r"b\.csv: line 2: product_id '1' stands already in .*a\.csv, line 2"):
        import_files(
            read_mapping(tmp_path / "mapping.yaml"), [tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "data"
        )


def test_a_row_without_an_id(refusal: Refusal) -> None:
    assert refusal(CSV + ",Saw,tools\n") == "offers.csv: line 4: no product_id; every product needs one"


def test_too_many_rows_without_a_title(refusal: Refusal) -> None:
    line = refusal(CSV + "3, ,tools\n")
    assert line == (
        "1 of 3 rows have no title (the first: offers.csv: line 4); "
        "mend them, or allow it in mapping.yaml: max_empty_titles"
    )
    assert "2 of 2 rows have no title" in refusal(
        "id,title,cat\n1,,a\n2,,b\n", mapping={**MAPPING, "max_empty_titles": 1}
    )


def test_no_labels(refusal: Refusal) -> None:
    assert refusal("id,title,cat\n1,Drill,\n2,Bear,\n") == "offers.csv: no labels: cat is empty in all 2 rows"


def test_a_price_that_is_no_number(refusal: Refusal) -> None:
    priced = {"product": {**PRODUCT, "price": "price"}, "category": {"id": "cat"}}
    header = "id,title,cat,price\n1,Drill,tools,12.50\n"
    assert refusal(header + "2,Bear,toys,cheap\n", mapping=priced) == "offers.csv: line 3: price is 'cheap', no number"
    line = refusal(header + '2,Bear,toys,"12,50"\n', mapping=priced)
    assert line.startswith("offers.csv: line 3: price is '12,50', no number; say which sign separates the decimals")
    assert "must be a finite number" in refusal(header + "2,Bear,toys,inf\n", mapping=priced)


def test_a_time_and_a_probability_out_of_bounds(refusal: Refusal) -> None:
    rows = "id,title,cat,when,p\n1,Drill,tools,2024-13-01,0\n"
    timed = {"product": {**PRODUCT, "received_at": "when"}, "category": {"id": "cat"}}
    assert "line 2: received_at is '2024-13-01', no time of the format iso" in refusal(rows, mapping=timed)
    unix = {"product": {**PRODUCT, "received_at": {"column": "when", "format": "unix"}}, "category": {"id": "cat"}}
    assert "no time of the format unix" in refusal(rows, mapping=unix)
    drawn = {**MAPPING, "labels": {"origin": "audit", "audit_probability": "p"}}
    assert "line 2: audit_probability is 0; a probability lies in (0, 1]" in refusal(rows, mapping=drawn)


def test_category_levels_that_do_not_fit(refusal: Refusal) -> None:
    coded = {"product": PRODUCT, "category": {"levels": ["a", "b"], "code": "_"}}
    assert "line 2: a is 'Tools', not code and name with '_' between" in refusal(
        "id,title,a,b\n1,Drill,Tools,\n", mapping=coded
    )
    assert "line 2: a is empty above '11_Drills'; fill it in" in refusal(
        "id,title,a,b\n1,D,,11_Drills\n", mapping=coded
    )


def test_a_tree_of_ones_own_that_is_not_there_or_has_a_cycle(tmp_path: Path, refusal: Refusal) -> None:
    own = {"product": PRODUCT, "category": {"id": "cat", "tree": "own.csv"}}
    assert "own.csv: not there" in refusal(CSV, mapping=own)
    (tmp_path / "own.csv").write_text("category_id,parent_id,name\na,b,A\nb,a,B\n")
    assert "own.csv: the tree has a cycle: a > b > a" in refusal(CSV, mapping=own)
