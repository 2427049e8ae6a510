from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.lists import COLUMNS, plain_cell, read_filled, safe_cell, write_list
from aisle.errors import DataError


@given(st.text())
def test_no_cell_is_a_formula_and_every_one_comes_back(text: str) -> None:
    cell = safe_cell(text)
    assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠\t\r\n") or not cell.strip()
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in cell)
    assert plain_cell(cell) == safe_cell(text).removeprefix("'") if cell != text else plain_cell(cell) == text


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5", "@SUM(A1)", " =1", "＝1", "'=1", "'"])
def test_what_would_run_in_a_spreadsheet_is_marked(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(f"'{text}") == text


def test_a_list_comes_back_filled(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    write_list(
        [{"product_id": "=a", "revision": 1, "title": 'Say "hi"; x', "suggestion": "c1"}, {"product_id": "b"}], path
    )
    head, first, second = path.read_text(encoding="utf-8-sig").splitlines()
    assert head.split(",") == list(COLUMNS)
    path.write_text("\n".join([head, first[: first.rindex(",,")] + ", yes ,", second]), encoding="utf-8-sig")
    rows, waiting = read_filled(path)
    assert [(one.line, one.product_id, one.revision, one.suggestion, one.answer) for one in rows] == [
        (2, "=a", 1, "c1", "yes")
    ]
    assert waiting == 1


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_of_spreadsheets_are_read(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"product_id{separator}answer\r\na{separator}skip\r\n")
    assert read_filled(path)[0][0].skipped


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "empty"),
        (b"product_id,title\na,b\n", "line 1: no column answer"),
        (b"product_id,answer\na,x\nb,y\na,z\n", "line 4: product 'a' stands already in line 2"),
        (b"product_id,answer\na,x,y\n", "line 2: 3 cells, the header has 2"),
        (b"product_id,revision,answer\na,one,x\n", "line 2: revision is 'one'"),
        (b"product_id,answer\n\xe4,x\n", "not UTF-8"),
        (b'product_id,answer\na,"x\n', "not CSV"),
        (b"\x00\x00\x00\x00", "no column product_id"),
    ],
)
def test_a_broken_list_is_refused_with_its_line(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=line):
        read_filled(path)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_filled(tmp_path / "list.csv")
