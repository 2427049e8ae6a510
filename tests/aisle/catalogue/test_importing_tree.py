"""The tree that an import makes: levels, breadcrumbs, ids, and categories that contradict each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from aisle.catalogue.importing import ImportSummary, import_files, read_mapping
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.errors import DataError

CODED = {"levels": ["l1", "l2", "l3"], "code": "_"}
Run = Callable[..., ImportSummary]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Import products with the given category columns; each call makes new product ids."""
    made = iter(range(1_000_000))

    def run(rows: Sequence[dict[str, Any]], category: dict[str, Any], **options: Any) -> ImportSummary:
        path = tmp_path / "offers.jsonl"
        path.write_text("".join(json.dumps({"id": str(next(made)), "t": "Thing", **row}) + "\n" for row in rows))
        mapping = {"product": {"product_id": "id", "title": "t"}, "category": category}
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(mapping))
        return import_files(read_mapping(tmp_path / "mapping.yaml"), [path], tmp_path / "data", **options)

    return run


def tree(tmp_path: Path) -> Taxonomy:
    return read_taxonomy(tmp_path / "data" / "taxonomy.csv")


def label_categories(tmp_path: Path) -> list[str]:
    return read_table(tmp_path / "data", "labels")["category_id"].tolist()


def levels(*values: str | None) -> dict[str, str | None]:
    return {f"l{place}": value for place, value in enumerate(values, start=1)} | {
        f"l{place}": None for place in range(len(values) + 1, 4)
    }


def test_the_parent_of_most_rows_stands_with_a_warning(tmp_path: Path, run: Run) -> None:
    rows = (
        [levels("1_A", "11_B", "111_C")] * 2 + [levels("1_A", "12_D", "111_C")] * 3 + [levels("1_A", "11_B", "112_E")]
    )
    summary = run(rows, CODED)
    assert tree(tmp_path).path("111") == ["1", "12", "111"]
    assert summary.warnings == ("category 111 (C) has 2 parents: 12 (3 rows), 11 (2 rows); 12 stands",)
    assert label_categories(tmp_path) == ["111"] * 5 + ["112"]


def test_a_parent_that_lost_all_its_children_is_no_leaf(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B", "111_C"), *[levels("1_A", "12_D", "111_C")] * 2], CODED)
    assert tree(tmp_path).leaves == ["111"]
    assert "11" not in tree(tmp_path)


def test_a_code_at_two_levels_means_two_categories(tmp_path: Path, run: Run) -> None:
    rows = [levels("10_Food", "10_Food", "101_Bread"), levels("10_Food", "20_Drinks", "10_Water")]
    run(rows, CODED)
    assert tree(tmp_path).path("101") == ["10@1", "10@2", "101"]
    assert tree(tmp_path).full_name("10@3") == "Food > Drinks > Water"
    assert label_categories(tmp_path) == ["101", "10@3"]


def test_ids_that_carry_a_level_are_found_again_on_append(tmp_path: Path, run: Run) -> None:
    run([levels("10_Food", "10_Food", "101_Bread"), levels("10_Food", "20_Drinks", "201_Water")], CODED)
    before = tree(tmp_path)
    run([levels("10_Food", "20_Drinks", "201_Water")], CODED, mode="append")
    assert tree(tmp_path).categories == before.categories


def test_a_code_of_the_tree_at_another_level_is_another_category(tmp_path: Path, run: Run) -> None:
    run([levels("10_Food", "11_Bread", "111_Rolls")], CODED)
    run([levels("10_Food", "10_Food in tins", "112_Soup")], CODED, mode="append")
    assert tree(tmp_path).path("112") == ["10", "10@2", "112"]


def test_files_that_leave_the_branch_out_still_mean_the_same_categories(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B", "111_C"), levels("1_A", "11_B", "112_D")], CODED)
    before = tree(tmp_path)
    summary = run([levels("1_A", "11_B", "112_D")], {"levels": ["l2", "l3"], "code": "_"}, mode="append")
    assert tree(tmp_path).categories == before.categories
    assert summary.new == 1
    assert any("11 (B) stays below 1" in warning for warning in summary.warnings)


@pytest.mark.parametrize(("value", "code"), [("11_Hand_saws", "_"), ("11 Hand_saws", " "), ("11 - Hand_saws", "-")])
def test_a_code_ends_at_the_first_separator(tmp_path: Path, run: Run, value: str, code: str) -> None:
    run([{"l1": value}], {"levels": ["l1"], "code": code})
    assert tree(tmp_path).name("11") == "Hand_saws"


def test_the_name_of_most_rows_stands(tmp_path: Path, run: Run) -> None:
    run([levels("1_Tool"), levels("1_Tools"), levels("1_Tools"), levels("2_Toys")], CODED)
    assert tree(tmp_path).name("1") == "Tools"


def test_labels_above_a_leaf_are_left_out_with_a_warning(tmp_path: Path, run: Run) -> None:
    summary = run([levels("1_A", "11_B"), levels("1_A"), levels("2_C")], CODED)
    assert label_categories(tmp_path) == ["11", "2"]
    assert summary.labels == 2
    assert "the label of 1 row is left out" in summary.warnings[0]
    assert len(read_table(tmp_path / "data", "products")) == 3


def test_levels_without_codes_are_told_apart_by_their_path(tmp_path: Path, run: Run) -> None:
    run([levels("Women", "Shoes"), levels("Men", "Shoes")], {"levels": ["l1", "l2", "l3"]})
    assert label_categories(tmp_path) == ["Women > Shoes", "Men > Shoes"]
    assert tree(tmp_path).name("Men > Shoes") == "Shoes"
    assert tree(tmp_path).branches == ["Men", "Women"]


@pytest.mark.parametrize("value", ["Home / Kitchen/ Pans", "/Home/Kitchen/Pans/", ["Home", "Kitchen", "Pans"]])
def test_breadcrumbs_are_split_at_their_separator(tmp_path: Path, run: Run, value: Any) -> None:
    run([{"crumbs": value}, {"crumbs": "Home/Garden"}], {"breadcrumb": "crumbs", "separator": "/"})
    assert tree(tmp_path).path("Home > Kitchen > Pans") == ["Home", "Home > Kitchen", "Home > Kitchen > Pans"]


def test_a_single_id_and_name_make_a_flat_tree(tmp_path: Path, run: Run) -> None:
    run([{"c": 7, "n": "Tools"}, {"c": 8, "n": "Toys"}], {"id": "c", "name": "n"})
    assert tree(tmp_path).branches == tree(tmp_path).leaves == ["7", "8"]
    assert tree(tmp_path).name("8") == "Toys"


def test_ids_of_a_tree_of_ones_own(tmp_path: Path, run: Run) -> None:
    (tmp_path / "own.csv").write_text("category_id,parent_id,name\n1,,Tools\n11,1,Drills\n12,1,Saws\n")
    run([{"c": "11"}], {"id": "c", "tree": "own.csv"})
    assert tree(tmp_path).leaves == ["11", "12"], "the whole tree comes in, used or not"
    with pytest.raises(DataError, match=r"line 1: category '13' is not in .*own\.csv; did you mean"):
        run([{"c": "13"}], {"id": "c", "tree": "own.csv"}, mode="replace")


def test_appending_grows_the_tree_and_takes_new_names(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B"), levels("2_C", "21_D")], CODED)
    summary = run([levels("1_A", "11_Better"), levels("1_A", "12_E"), levels("3_F", "31_G")], CODED, mode="append")
    assert summary.new_categories == 3
    assert tree(tmp_path).name("11") == "Better"
    assert list(tree(tmp_path).categories) == ["1", "11", "2", "21", "12", "3", "31"]


def test_appending_keeps_the_parent_that_a_category_has(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B"), levels("2_C", "21_D")], CODED)
    summary = run([levels("2_C", "11_B")], CODED, mode="append")
    assert tree(tmp_path).path("11") == ["1", "11"]
    assert summary.warnings[0].startswith("category 11 (B) stays below 1, where the catalogue has it")


def test_appending_below_a_labelled_leaf_is_refused(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B"), levels("2_C", "21_D")], CODED)
    with pytest.raises(DataError, match="puts category 111 below 11, which has labels already"):
        run([levels("1_A", "11_B", "111_E")], CODED, mode="append")


def test_appending_an_id_alone_takes_known_categories_only(tmp_path: Path, run: Run) -> None:
    run([levels("1_A", "11_B"), levels("2_C", "21_D")], CODED)
    run([{"c": "21"}], {"id": "c"}, mode="append")
    assert label_categories(tmp_path)[-1] == "21"
    with pytest.raises(DataError, match=r"line 1: category '22' is not in the catalogue's tree .*; did you mean 2"):
        run([{"c": "22"}], {"id": "c"}, mode="append")


def test_one_category_only_is_told(run: Run) -> None:
    assert (
        "all labels are of one category; there is nothing to tell apart" in run([levels("1_A", "11_B")], CODED).warnings
    )
