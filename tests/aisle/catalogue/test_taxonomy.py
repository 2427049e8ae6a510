from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.taxonomy import Category, Taxonomy, read_taxonomy, write_taxonomy
from aisle.errors import DataError

TREE = Taxonomy(
    [
        Category("saw", "tools", "Saws"),
        Category("tools", None, "Tools, garden"),
        Category("chain", "saw", "Chain saws"),
        Category("lamp", None, "Lämps"),
        Category("drill", "tools", 'Drills "x"'),
    ]
)


def test_branches_leaves_and_paths() -> None:
    assert TREE.branches == ["tools", "lamp"]
    assert TREE.leaves == ["chain", "lamp", "drill"]
    assert TREE.path("chain") == ["tools", "saw", "chain"]
    assert (TREE.branch_of("chain"), TREE.branch_of("lamp")) == ("tools", "lamp")
    assert TREE.full_name("chain") == "Tools, garden > Saws > Chain saws"
    assert "saw" in TREE
    assert "nail" not in TREE
    assert len(TREE) == 5


def test_a_tree_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_taxonomy(TREE, tmp_path / "taxonomy.csv")
    assert read_taxonomy(tmp_path / "taxonomy.csv").categories == TREE.categories


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "taxonomy.csv").write_bytes("\ufeffcategory_id,parent_id,name\r\n a , ,A\r\nb,a,B\r\n".encode())
    assert read_taxonomy(tmp_path / "taxonomy.csv").path("b") == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("category_id,parent_id,name\n", "the tree is empty"),
        ("category_id,name\na,A\n", "missing column parent_id; the header must be category_id,parent_id,name"),
        ("", "missing column category_id, parent_id, name"),
        ("category_id,parent_id,name\na,,A\na,,B\n", "category_id 'a' stands there twice"),
        ("category_id,parent_id,name\n,,A\n", "a category has no category_id (name 'A')"),
        ("category_id,parent_id,name\na,z,A\n", "category 'a' has the parent 'z', which is not in the tree"),
        ("category_id,parent_id,name\na,a,A\n", "the tree has a cycle: a > a"),
        ("category_id,parent_id,name\nr,,R\na,b,A\nb,c,B\nc,a,C\n", "the tree has a cycle: a > b > c > a"),
    ],
)
def test_a_broken_tree_is_told_in_one_line(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_taxonomy(path)
    assert str(caught.value).startswith(f"{path}")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tree_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not there; get the data with `dvc pull`"):
        read_taxonomy(tmp_path / "taxonomy.csv")
    (tmp_path / "taxonomy.csv").write_bytes(b"category_id,parent_id,name\na,,\xe4\n")
    with pytest.raises(DataError, match=r"not UTF-8 text \(byte 30\); save it as UTF-8"):
        read_taxonomy(tmp_path / "taxonomy.csv")


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=10))
def test_every_forest_is_read_and_every_cycle_found(parents: list[int | None]) -> None:
    def rooted(node: int) -> bool:
        steps, here = 0, parents[node]
        while here is not None and steps <= len(parents):
            steps, here = steps + 1, parents[here] if here < len(parents) else None
        return here is None

    categories = [Category(str(n), None if parent is None else str(parent), "") for n, parent in enumerate(parents)]
    sound = all(parent is None or parent < len(parents) for parent in parents)
    if sound and all(rooted(node) for node in range(len(parents))):
        tree = Taxonomy(categories)
        assert all(tree.path(leaf)[-1] == leaf for leaf in tree.leaves)
        assert {tree.branch_of(leaf) for leaf in tree.leaves} == set(tree.branches)
    else:
        with pytest.raises(DataError, match=r"not in the tree" if not sound else "cycle"):
            Taxonomy(categories)
