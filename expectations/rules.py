"""The rules behind the custom expectations, as plain functions on columns.

Each takes columns of one table (pandas Series of n rows with one index) and returns a boolean Series
of n rows on that index: True where the row keeps the rule. Null values keep a rule unless its function
says otherwise; that a column must be filled is a rule of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_TAG_OR_ENTITY = r"<[^>]*>|&(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});"
_VISIBLE = r"[^\s\u200b-\u200f\ufeff]"
_MINUTE = np.timedelta64(60, "s")


def parent_known(category_id: pd.Series[str], parent_id: pd.Series[str]) -> pd.Series[bool]:
    """The parent is a category of the tree; branches (no parent) keep the rule."""
    return parent_id.isna() | parent_id.isin(category_id)


def outside_cycles(category_id: pd.Series[str], parent_id: pd.Series[str]) -> pd.Series[bool]:
    """Walking from parent to parent never comes back to the row.

    Only the rows of the cycle itself break the rule, not those that hang below it. Of an id that
    stands there twice, the first row counts.
    """
    parent_of: dict[str, str] = {}
    for child, parent in zip(category_id, parent_id, strict=True):
        if isinstance(parent, str):
            parent_of.setdefault(child, parent)
    in_cycle: set[str] = set()
    done: set[str] = set()
    for start in parent_of:
        walk: dict[str, int] = {}
        node: str | None = start
        while node is not None and node not in done and node not in walk:
            walk[node] = len(walk)
            node = parent_of.get(node)
        if node is not None and node in walk:
            in_cycle.update(list(walk)[walk[node] :])
        done.update(walk)
    return ~category_id.isin(in_cycle)


def says_something(text: pd.Series[str]) -> pd.Series[bool]:
    """Something to see is left once tags and character entities are taken away; null breaks the rule."""
    bare = text.astype(object).where(text.notna(), "").astype(str).str.replace(_TAG_OR_ENTITY, " ", regex=True)
    return bare.str.contains(_VISIBLE, regex=True).astype(bool)


def one_value_a_group(group: pd.Series[str], value: pd.Series[str]) -> pd.Series[bool]:
    """All rows of a group hold the same value; null groups and null values take no part."""
    pairs = pd.DataFrame({"group": group, "value": value}).dropna().drop_duplicates()
    torn = pairs.loc[pairs["group"].duplicated(keep=False), "group"]
    return ~group.isin(torn)


def calm_pace(labeller: pd.Series[str], labelled_at: pd.Series[pd.Timestamp], limit: int) -> pd.Series[bool]:
    """No minute (sixty seconds, wherever they begin) holds more than `limit` labels of the row's labeller.

    Every label of a minute that is too full breaks the rule. Labels without labeller or time take no part.
    """
    known = pd.DataFrame({"labeller": labeller, "labelled_at": labelled_at}).reset_index(drop=True).dropna()
    known = known.sort_values(["labeller", "labelled_at"], kind="stable")
    person = known["labeller"].to_numpy(dtype=object)
    moment = known["labelled_at"].dt.tz_convert(None).to_numpy()
    starts = np.flatnonzero((person[limit:] == person[:-limit]) & (moment[limit:] - moment[:-limit] < _MINUTE))
    edges = np.zeros(len(known) + 1, dtype=np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + limit + 1, -1)
    hasty = np.zeros(len(labeller), dtype=bool)
    hasty[known.index.to_numpy()] = np.cumsum(edges[:-1]) > 0
    return pd.Series(~hasty, index=labeller.index, dtype=bool)


def answers_agree(
    product_id: pd.Series[str], revision: pd.Series[int], category_id: pd.Series[str], adjudicated: pd.Series[bool]
) -> pd.Series[bool]:
    """All answers to one revision of a product name one category, or one of them is adjudicated."""
    answers = pd.DataFrame({"product_id": product_id, "revision": revision, "category_id": category_id})
    key = answers.groupby(["product_id", "revision"], sort=False, dropna=False).ngroup()
    settled = adjudicated.astype(bool).groupby(key).transform("any").astype(bool)
    distinct = answers["category_id"].groupby(key).transform("nunique")
    return settled | (distinct <= 1)


def confident_enough(
    decision: pd.Series[str], confidence: pd.Series[float], threshold: pd.Series[float]
) -> pd.Series[bool]:
    """A decision `auto` has a threshold, and a confidence that reaches it (null breaks the rule there)."""
    return decision.ne("auto") | confidence.ge(threshold)
