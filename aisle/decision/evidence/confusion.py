"""Which branches and which leaves are taken for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

MOST_BRANCHES = 24  # more do not fit a picture; the smallest are pooled
OTHER = "other branches"


def branch_confusion(frame: pd.DataFrame, name_of: Callable[[str], str]) -> dict[str, Any]:
    """The row-normalised confusion of branches.

    Returns
    -------
    dict
        `names` (largest branch first), `rows` (test rows a true branch), `share`: one list a true
        branch, the weighted share of its products put into each branch; each list sums to 1.
    """
    sizes = frame.groupby("true_branch_id")["weight"].sum().sort_values(ascending=False, kind="stable")
    shown = list(sizes.index)
    if len(shown) > MOST_BRANCHES:
        shown = shown[: MOST_BRANCHES - 1]
    strays = set(frame["branch_id"]) | set(frame["true_branch_id"])
    columns = [*shown, OTHER] if strays - set(shown) else shown
    true = frame["true_branch_id"].where(frame["true_branch_id"].isin(shown), OTHER)
    found = frame["branch_id"].where(frame["branch_id"].isin(shown), OTHER)
    table = frame.groupby([true, found])["weight"].sum().unstack().fillna(0.0)
    table = table.reindex(index=columns, columns=columns, fill_value=0.0)
    table = table[table.sum(axis=1) > 0]
    counts = true.value_counts()
    return {
        "rows_of": [_name(one, name_of) for one in table.index],
        "columns_of": [_name(one, name_of) for one in table.columns],
        "rows": [int(counts[one]) for one in table.index],
        "share": table.div(table.sum(axis=1), axis=0).round(5).to_numpy().tolist(),
    }


def _name(branch_id: str, name_of: Callable[[str], str]) -> str:
    return OTHER if branch_id == OTHER else name_of(branch_id)


def worst_pairs(frame: pd.DataFrame, name_of: Callable[[str], str], most: int = 15) -> list[dict[str, Any]]:
    """The pairs of leaves most often taken for each other, most mistakes first.

    Returns
    -------
    A list of `true`, `taken_for` (full names), `rows` (mistakes on the test rows), `automatic`
    (those that nobody would have looked at), `of` (test rows of the true leaf), and `titles`
    (two examples, the most confident first).
    """
    wrong = frame[~frame["leaf_right"]].sort_values(["confidence", "product_id"], ascending=[False, True])
    of = frame["true_category_id"].value_counts()
    counts = (
        wrong.groupby(["true_category_id", "category_id"], as_index=False)
        .agg(
            rows=("automatic", "size"),
            automatic=("automatic", "sum"),
            titles=("title", lambda titles: list(titles.head(2))),
        )
        .sort_values(["rows", "automatic", "true_category_id", "category_id"], ascending=[False, False, True, True])
    )
    return [
        {
            "true": name_of(str(pair["true_category_id"])),
            "taken_for": name_of(str(pair["category_id"])),
            "rows": int(pair["rows"]),
            "automatic": int(pair["automatic"]),
            "of": int(of[str(pair["true_category_id"])]),
            "titles": [str(title) for title in pair["titles"]],
        }
        for pair in counts.head(most).to_dict("records")
    ]
