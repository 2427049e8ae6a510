"""Files scored: every row answered, in order, once, whatever happens in between."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.importing import read_mapping
from aisle.errors import AisleError, ConfigurationError, DataError
from aisle.files import holding
from pipelines.scoring import score_file
from pipelines.scoring.parts import OUTPUT, folder_of
from tests.pipelines.scored import MadeScorer, read, rows, write

ENDINGS = ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "in.csv", rows(25))


@pytest.mark.parametrize(
    ("ending_in", "ending_out"), [(one, "csv") for one in ENDINGS] + [("csv", one) for one in ENDINGS]
)
def test_every_format_in_and_out(tmp_path: Path, ending_in: str, ending_out: str) -> None:
    source, output = tmp_path / f"in.{ending_in}", tmp_path / f"out.{ending_out}"
    summary = score_file(write(source, rows(25)), output, MadeScorer(), batch=10)
    assert (summary.rows, summary.bad, summary.automatic, summary.earlier) == (25, 0, 25, 0)
    answers = read(output)
    assert list(answers[0]) == OUTPUT.names
    assert [row["product_id"] for row in answers] == [f"p{number}" for number in range(25)]
    assert [row["category_id"] for row in answers] == [f"c-Bohrer „{number}“, 8 mm" for number in range(25)]
    assert [row["threshold"] for row in answers] == [number / 2 for number in range(25)]
    assert {row["confidence"] for row in answers} == {0.1 + 0.2}
    assert {(row["model_version"], row["policy_id"], row["bento_tag"], row["error"]) for row in answers} == {
        ("3", "5468c33398c6", None, None)
    }
    assert {str(row["revision"]) for row in answers} == {"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, output.name])


def test_parquet_has_the_types_of_the_columns(source: Path, tmp_path: Path) -> None:
    score_file(source, tmp_path / "out.parquet", MadeScorer(), batch=10)
    assert pq.read_schema(tmp_path / "out.parquet").equals(OUTPUT)


@pytest.mark.parametrize("ending", ENDINGS)
def test_equal_files_give_equal_bytes(source: Path, tmp_path: Path, ending: str) -> None:
    outputs = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    for output in outputs:
        score_file(source, output, MadeScorer(), batch=10)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"title": None}, "title is missing"),
    ({"title": " \t"}, "title is missing"),
    ({"title": "x" * 1001}, "title has 1,001 characters; at most 1,000"),
    ({"title": {"de": "Bohrer"}}, "column 'title' holds an object"),
    ({"title": "bell\a"}, "title holds a control character"),
    ({"description": "x" * 20_001}, "description has 20,001 characters"),
    ({"brand": "x" * 201}, "brand has 201"),
    ({"currency": "doubloons??"}, "currency has 11"),
    ({"price": "cheap"}, "price is 'cheap', no number"),
    ({"price": -1}, "price is -1; it cannot be below 0"),
    ({"price": True}, "price is 'true', no number"),
    ({"price": 1e999}, "price is 'inf'"),
    ({"revision": 0}, "revision is no whole number"),
    ({"revision": "two"}, "revision is no whole number"),
    ({"revision": 2**31}, "revision is no whole number"),
    ({"title": "odd"}, "title is odd"),  # only the scorer says so
]


@pytest.mark.parametrize(("fields", "said"), BAD, ids=[said for _, said in BAD])
def test_a_bad_row_does_not_stop_the_others(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    content = rows(25)
    content[17] |= fields
    summary = score_file(write(tmp_path / "in.jsonl", content), tmp_path / "out.jsonl", MadeScorer(), batch=10)
    answers = read(tmp_path / "out.jsonl")
    bad = answers.pop(17)
    assert (summary.rows, summary.bad, summary.automatic) == (25, 1, 24)
    assert summary.first_errors == [f"row 18: {bad['error']}"]
    assert said in bad["error"]
    assert bad["product_id"] == "p17"
    assert {name for name, value in bad.items() if value is not None} <= {"product_id", "revision", "error"}
    assert all(row["error"] is None and row["category_id"] for row in answers)


def test_rows_that_are_all_bad_ask_nobody(tmp_path: Path) -> None:
    scorer = MadeScorer()
    summary = score_file(write(tmp_path / "in.jsonl", [{"title": ""}] * 12), tmp_path / "out.csv", scorer, batch=5)
    assert (summary.bad, scorer.asked) == (12, [])


@given(
    st.lists(
        st.fixed_dictionaries(
            {"title": st.none() | st.text() | st.integers() | st.floats() | st.lists(st.text())},
            optional={
                name: st.text() | st.integers() | st.none() | st.booleans()
                for name in ("product_id", "price", "revision", "x")
            },
        ),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 9),
)
def test_whatever_the_rows_hold_each_has_its_place(
    tmp_path_factory: pytest.TempPathFactory, content: list[dict[str, Any]], batch: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    content[0].setdefault("title", "x")
    score_file(write(folder / "in.jsonl", content), folder / "out.jsonl", MadeScorer(), batch=batch)
    answers = read(folder / "out.jsonl")
    assert len(answers) == len(content)
    for row, answer in zip(content, answers, strict=True):
        assert (answer["error"] is None) == (answer["category_id"] is not None)
        if answer["error"] is None and isinstance(row["title"], str) and row["title"].isascii():
            assert answer["category_id"] == f"c-{row['title'].strip()}"


def test_columns_that_are_unknown_are_named_once(tmp_path: Path) -> None:
    content = [{**row, "colour": "red", "Weight": 3} for row in rows(25)]
    said: list[str] = []
    score_file(write(tmp_path / "in.csv", content), tmp_path / "out.csv", MadeScorer(), batch=10, say=said.append)
    assert said == [f"{tmp_path / 'in.csv'}: columns that mean nothing here are passed over: colour, Weight"]


def test_a_mapping_says_which_column_is_which(tmp_path: Path) -> None:
    (tmp_path / "feed.yaml").write_text(
        "product: {product_id: 'x:{nr}', title: {join: [name, variant]}, price: {column: cost, decimal: ','}}\n"
        "category: {id: category}\nlabels: {labeller: who}\n"
    )
    content = [
        {"nr": 7, "name": "Bohrer", "variant": "8 mm", "cost": "1.299,50", "category": "a", "who": "ann"},
        {"nr": 8, "name": "", "variant": "", "cost": "1", "category": "a", "who": "ann"},
        {"nr": 9, "name": "Säge", "variant": "", "cost": "a lot", "category": "a", "who": "ann"},
        {"nr": "", "name": "Säge", "variant": "", "cost": "1", "category": "a", "who": "ann"},
    ]
    mapping = read_mapping(tmp_path / "feed.yaml")
    summary = score_file(write(tmp_path / "in.csv", content), tmp_path / "out.jsonl", MadeScorer(), mapping=mapping)
    first, *bad = read(tmp_path / "out.jsonl")
    assert (first["product_id"], first["category_id"], first["threshold"]) == ("x:7", "c-Bohrer 8 mm", 1299.5)
    assert [row["product_id"] for row in bad] == ["x:8", "x:9", None]
    assert ["title is missing" in bad[0]["error"], "a lot" in bad[1]["error"], "product_id" in bad[2]["error"]] == [
        True
    ] * 3
    assert summary.bad == 3


class TestGoingOn:
    def test_finished_batches_are_not_scored_again(self, source: Path, tmp_path: Path) -> None:
        output = tmp_path / "out.csv"
        with pytest.raises(ConnectionError):
            score_file(source, output, MadeScorer(fails_at=2), batch=10)
        assert not output.exists()
        again, said = MadeScorer(), list[str]()
        summary = score_file(source, output, again, batch=10, say=said.append)
        assert again.asked == [5]
        assert (summary.earlier, summary.rows, summary.automatic) == (20, 25, 25)
        assert said == ["going on after 20 rows that an earlier run scored"]
        assert [row["product_id"] for row in read(output)] == [f"p{number}" for number in range(25)]
        assert not folder_of(output).exists()

    @pytest.mark.parametrize("what", ["input", "model", "batch"])
    def test_what_changed_begins_anew_and_says_so(self, source: Path, tmp_path: Path, what: str) -> None:
        output, said = tmp_path / "out.csv", list[str]()
        with pytest.raises(ConnectionError):
            score_file(source, output, MadeScorer(fails_at=2), batch=10)
        if what == "input":
            write(source, [{**row, "title": "other"} for row in rows(25)])
        again = MadeScorer("4" if what == "model" else "3")
        score_file(source, output, again, batch=9 if what == "batch" else 10, say=said.append)
        assert again.asked == ([9, 9, 7] if what == "batch" else [10, 10, 5])
        (line,) = said
        assert what in line
        assert line.endswith("beginning anew")
        assert {row["model_version"] for row in read(output)} == {again.identity.version}

    def test_a_damaged_part_is_made_again(self, source: Path, tmp_path: Path) -> None:
        output = tmp_path / "out.csv"
        with pytest.raises(ConnectionError):
            score_file(source, output, MadeScorer(fails_at=2), batch=10)
        (folder_of(output) / "0000000.parquet").write_bytes(b"PAR1")
        again = MadeScorer()
        score_file(source, output, again, batch=10)
        assert again.asked == [10, 5]

    def test_killed_at_any_change_of_a_name(self, source: Path, tmp_path: Path) -> None:
        output = tmp_path / "out.csv"
        score_file(source, output, MadeScorer(), batch=10)
        expected = output.read_bytes()
        for at in itertools.count(1):
            output.unlink()
            with pytest.MonkeyPatch.context() as patch:
                _kill_at(patch, at)
                first = MadeScorer()
                try:
                    score_file(source, output, first, batch=10)
                except _Killed:
                    pass
                else:
                    break
            complete = output.exists()
            assert not complete or output.read_bytes() == expected
            second = MadeScorer()
            score_file(source, output, second, batch=10)
            assert output.read_bytes() == expected
            assert complete or len(first.asked) + len(second.asked) <= 4  # the one in work may be asked twice
            assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
        assert at > 10

    def test_one_run_at_a_time(self, source: Path, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "out.csv")
        folder.mkdir()
        with holding(folder), pytest.raises(DataError, match="another command"):
            score_file(source, tmp_path / "out.csv", MadeScorer())


class _Killed(BaseException):
    pass


def _kill_at(patch: pytest.MonkeyPatch, at: int) -> None:
    count = 0

    def wrapped(change: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                raise _Killed
            return change(*arguments, **options)

        return call

    for name in ("replace", "rename", "mkdir", "fsync", "rmdir"):
        patch.setattr(os, name, wrapped(getattr(os, name)))


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("in.csv", "product_id,name\n1,x\n", r"in\.csv: no column 'title'.*'product_id', 'name'.*--mapping"),
            ("in.csv", "product_id,titel\n1,x\n", r"did you mean 'titel'|no column 'title'"),
            ("in.csv", "title,brand\nx\n", r"in\.csv: line 2: 1 fields where the header has 2"),
            ("in.csv", 'title\nx\n"open\n', r"in\.csv: line 3: not readable as CSV"),
            ("in.csv", "title\n", r"in\.csv: the file holds no row"),
            ("in.csv", "", r"in\.csv: the file is empty"),
            ("in.jsonl", '{"title": "x"}\n{"title": \n', r"in\.jsonl: line 2: not JSON"),
            ("in.jsonl", '[{"title": "x"}]\n', r"in\.jsonl: line 1: .*list.*one object a line"),
            ("in.jsonl", '{"name": "x"}\n', r"in\.jsonl: no column 'title'"),
            ("in.parquet", "title\nx\n", r"in\.parquet: cannot be read as Parquet"),
            ("in.xlsx", "PK", r"in\.xlsx: the name does not tell the format"),
        ],
    )
    def test_a_file_that_cannot_be_read(self, tmp_path: Path, name: str, content: str, said: str) -> None:
        (tmp_path / name).write_text(content)
        with pytest.raises(AisleError, match=said) as refused:
            score_file(tmp_path / name, tmp_path / "out.csv", MadeScorer())
        assert "\n" not in str(refused.value)
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_broken_line_is_found_before_hours_are_spent(self, tmp_path: Path) -> None:
        path = write(tmp_path / "in.jsonl", rows(25))
        path.write_text(path.read_text() + "{\n")
        scorer = MadeScorer()
        with pytest.raises(DataError, match="line 26"):
            score_file(path, tmp_path / "out.csv", scorer, batch=10)
        assert scorer.asked == []

    def test_paths_and_options(self, source: Path, tmp_path: Path) -> None:
        for output, said in (("out.xlsx", "ending"), ("out.parquet.gz", "ending"), ("in.csv", "input itself")):
            with pytest.raises(AisleError, match=said):
                score_file(source, tmp_path / output, MadeScorer())
        with pytest.raises(DataError, match="no such file"):
            score_file(tmp_path / "no.csv", tmp_path / "out.csv", MadeScorer())
        with pytest.raises(DataError, match="folder"):
            score_file(tmp_path, tmp_path / "out.csv", MadeScorer())
        for batch in (0, 10_001):
            with pytest.raises(ConfigurationError, match="--batch"):
                score_file(source, tmp_path / "out.csv", MadeScorer(), batch=batch)

    def test_an_input_that_changes_meanwhile(self, source: Path, tmp_path: Path) -> None:
        class Changing(MadeScorer):
            def score(self, *arguments: Any) -> Any:
                source.write_text(source.read_text() + "p26,x,1,shop\n")
                return super().score(*arguments)

        with pytest.raises(DataError, match="changed while it was being read"):
            score_file(source, tmp_path / "out.csv", Changing(), batch=100)
        assert not (tmp_path / "out.csv").exists()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """What is held at once depends on the batch alone: the largest piece that any step sees is one batch."""
    seen: list[int] = []

    class Watching(MadeScorer):
        def score(self, ids: Any, revisions: Any, products: Any) -> Any:
            seen.append(len(ids))
            return super().score(ids, revisions, products)

    score_file(write(tmp_path / "in.parquet", rows(23_000)), tmp_path / "out.parquet", Watching(), batch=4000)
    assert seen == [4000, 4000, 2000, 4000, 4000, 2000, 3000]
    groups = pq.ParquetFile(tmp_path / "out.parquet").metadata
    assert max(groups.row_group(number).num_rows for number in range(groups.num_row_groups)) == 4000
