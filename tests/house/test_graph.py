from __future__ import annotations

from xml.etree import ElementTree

from docs.draw_graph import Stage, drawing, edges_of, rows_of, stages_of

CONTENT = {
    "stages": {
        "one": {"desc": "First <of all>.", "deps": ["data"], "outs": [{"work/a": {"push": False}}]},
        "two": {"desc": "Twice.", "deps": ["work/a/x.csv"], "outs": ["work/b/${item.c}"], "matrix": {"c": ["p", "q"]}},
        "three": {"desc": "Last.", "deps": ["work/a", "work/b"], "metrics": [{"m.json": {"cache": False}}]},
    }
}


def test_lines_that_others_imply_are_left_out() -> None:
    assert edges_of(stages_of(CONTENT)) == {("data", "one"), ("one", "two"), ("two", "three")}


def test_a_folder_and_a_file_in_it_belong_together_but_not_a_namesake() -> None:
    stages = [Stage("w", "", 1, (), ("work/ab",)), Stage("r", "", 1, ("work/a",), ()), Stage("s", "", 1, ("work",), ())]
    assert edges_of(stages) == {("w", "s")}


def test_a_stage_stands_below_all_that_it_reads() -> None:
    stages = stages_of(CONTENT)
    assert rows_of(stages, edges_of(stages)) == [["data"], ["one"], ["two"], ["three"]]


def test_the_drawing_shows_each_stage_and_how_often_it_runs() -> None:
    picture = ElementTree.fromstring(drawing(stages_of(CONTENT)))
    texts = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"data", "one", "First <of all>.", "two × 2", "three"} <= set(texts)
