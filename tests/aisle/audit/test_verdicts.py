from __future__ import annotations

import pandas as pd

from aisle.audit.verdicts import verdicts


def test_an_answer_counts_for_the_text_that_was_shown_alone() -> None:
    population = pd.DataFrame({"product_id": ["a", "b"], "revision": [1, 2], "category_id": ["drills", "saws"]})
    labels = pd.DataFrame(
        {
            "product_id": ["a", "a", "b", "b"],
            "revision": [1, 2, 1, 2],
            "category_id": ["drills", "saws", "drills", "saws"],
            "status": "answered",
            "adjudicated": [False, True, True, False],
            "labeller": ["ann", "bob", "ann", "bob"],
        }
    )
    said = verdicts(population, labels)
    assert said["agree"].tolist() == [1, 1]
    assert said["contradict"].tolist() == [0, 0]
    assert said["settled"].tolist() == [-1, -1]


def test_answers_to_products_that_are_not_asked_about_are_left_out() -> None:
    labels = pd.DataFrame(
        {
            "product_id": ["a"],
            "revision": [1],
            "category_id": ["drills"],
            "status": ["answered"],
            "adjudicated": [False],
            "labeller": ["ann"],
        }
    )
    nobody = pd.DataFrame({"product_id": pd.Series([], dtype=object), "revision": pd.Series([], dtype="int32")})
    assert verdicts(nobody.assign(category_id=None), labels).empty
