"""Roles for ever: which products train, which calibrate the threshold, and which test.

Products that may be the same thing (one `group_id`, or one normalised title in any revision) form
a group, a connected component, and a group has one role. What was said about a product in one
data version stays true in every later one, shards only ever being appended: a product keeps its
role, or it is dropped from every role, for ever. So a champion's training rows can never become a
challenger's test rows.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.bounds import keyed_uniform
from aisle.catalogue.groups import UNDECIDED, GroupHistory
from aisle.config import Split
from aisle.errors import DataError

ROLES = ("train", "calibration", "test")
DROPPED = "dropped"

_NOT_A_LETTER = re.compile(r"[^0-9a-z]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")


def normalise_title(title: str) -> str:
    """`title` as it is compared: case and accents folded, punctuation and white space collapsed.

    Symbols, punctuation and white space become one space, invisible characters go, compatible
    characters (full-width, superscript) become the plain ones; letters of every script stay.
    Applying it twice changes nothing. A title of punctuation alone gives an empty text.
    """
    if title.isascii():
        return _NOT_A_LETTER.sub(" ", title.lower()).strip()
    return unicodedata.normalize("NFC", " ".join("".join(map(_fold, title)).split()))


@functools.cache
def _fold(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cf":  # soft hyphens, joiners, marks of direction
        return ""
    if kind[0] in "CPSZ":
        return " "
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    plain = _ACCENTS.sub("", plain)
    return "".join(" " if unicodedata.category(one)[0] in "CPSZ" else one for one in plain)


def assign_roles(products: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Give every product its group and its role.

    Parameters
    ----------
    products : DataFrame
        Rows of the products table with `product_id`, `title` and, where known, `group_id`,
        `split`, `received_at` and `shard`; all revisions, all shards, in any order.
    split : Split
        Key and shares. A changed key or share moves roles; in production they are set once.

    Returns
    -------
    DataFrame
        One row a product in order of arrival (shard, `received_at` with unknown times last,
        product_id): `product_id`, `group` (the product_id of the group's oldest member), `role`
        ('train', 'calibration', 'test' or 'dropped') and `official` (its role came with it).

    Notes
    -----
    A group's role is that of its oldest member, whose key is drawn by a hash. The key is what its
    first row says of it: `group_id`, else the normalised title, else (an empty title) the
    product_id. The first row never changes, and a key that names the *thing* rather than the offer
    gives the same role even where history was lost: a catalogue imported anew, in another order,
    or without an offer that was deleted.

    A product that arrives with a `split` keeps it, and the group takes it over; members without
    one that had another role by then are dropped, and so are all members without one of a group
    with several. A `split` that comes in a later shard than its product counts for the group
    alone. When groups merge, the oldest member's role stands, and members that had another role
    are dropped; so is whoever carries a title or `group_id` that these brought in, then or later,
    because a model may have learnt from it. Shards are the steps of this history: what arrives in
    one shard arrives at once.

    Raises
    ------
    DataError
        For a `split` that is no role.
    """
    rows = _in_order_of_arrival(products)
    codes, product_ids = pd.factorize(rows["product_id"])
    first = np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())
    steps = pd.factorize(rows["shard"])[0]
    born = steps[first]
    titles = normalise_titles(rows["title"])
    official = _official(rows)

    keys = [
        f"group:{group}" if group else f"title:{title}" if title else f"product:{product}"
        for group, title, product in zip(rows["group_id"].to_numpy()[first], titles[first], product_ids, strict=True)
    ]
    at_birth = np.flatnonzero((official >= 0) & (steps == born[codes]))
    own_split = np.full(len(first), UNDECIDED, dtype=np.int64)
    own_split[codes[at_birth][::-1]] = official[at_birth][::-1]  # backwards: the first row stands

    history = GroupHistory(born, own_split, _drawn_roles(keys, split))
    edges = np.concatenate([_edges(codes, titles), _edges(codes, rows["group_id"].to_numpy())])
    edge_steps = steps[edges[:, 0]]
    told = np.flatnonzero(official >= 0)
    for step in np.unique(np.concatenate([edge_steps, steps[told]])):
        pairs = codes[edges[edge_steps == step]]
        now = told[steps[told] == step]
        history.advance(int(step), pairs.tolist(), zip(codes[now].tolist(), official[now].tolist(), strict=True))

    roles, steady, groups = history.finish()
    dropped = ~steady
    dropped[codes[edges[dropped[codes[edges[:, 1]]], 0]]] = True
    roles = np.where(own_split >= 0, own_split, np.where(dropped, UNDECIDED, roles))
    names = np.array([*ROLES, DROPPED], dtype=object)  # code -1, the last one, is dropped
    return pd.DataFrame(
        {
            "product_id": product_ids,
            "group": np.asarray(product_ids)[groups],
            "role": names[roles],
            "official": own_split >= 0,
        }
    )


def assign_folds(groups: Sequence[str] | pd.Series, folds: int, key: str) -> npt.NDArray[np.int64]:
    """The cross-fitting fold, 0 to `folds` - 1, of each row: a keyed hash of its group.

    Rows of one group share a fold. The hash is another one than that of the roles. Shape (n,).
    """
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    fold_of: npt.NDArray[np.int64] = np.floor(keyed_uniform(names, key, "aisle fold") * folds).astype(np.int64)
    return fold_of[codes]


def fold_keys(groups: pd.Series, sellers: pd.Series, new_sellers: float, key: str) -> list[str]:
    """What decides the fold of each row: its group, or for some groups the whole of a seller. Shape (n,).

    Tomorrow's products come from sellers that no model has seen, too. A keyed hash picks the share
    `new_sellers` of the sellers, whose products all share a fold: so out-of-fold scores, and what
    is learnt from them, know how a new seller looks. A group of several sellers goes with the
    first row's.
    """
    first = groups.map(dict(zip(groups[::-1], sellers[::-1], strict=True)))
    names = first.where(first.notna(), "").astype(str)
    whole = (keyed_uniform(names, key, "aisle new seller") < new_sellers) & (names != "").to_numpy()
    return list(np.where(whole, "seller\x00" + names, "group\x00" + groups.astype(str)))


def _drawn_roles(keys: Sequence[str], split: Split) -> npt.NDArray[np.int64]:
    """Codes of `ROLES`. Test comes first, so that another share of calibration moves no test row."""
    drawn = keyed_uniform(keys, split.key, "aisle role")
    test, calibration = drawn < split.test, drawn < split.test + split.calibration
    return np.where(test, ROLES.index("test"), np.where(calibration, ROLES.index("calibration"), 0)).astype(np.int64)


def _in_order_of_arrival(products: pd.DataFrame) -> pd.DataFrame:
    """The columns that roles depend on, oldest row first; the order of the input does not matter."""
    rows = products.reindex(columns=["product_id", "revision", "title", "group_id", "split", "received_at", "shard"])
    for column in ("title", "group_id", "split", "shard"):
        rows[column] = rows[column].astype(object).where(rows[column].notna(), "")
    rows["received_at"] = pd.to_datetime(rows["received_at"], utc=True)
    least_important_first = ("revision", "product_id", "received_at", "shard")
    return rows.iloc[np.lexsort([_ranks(rows[column]) for column in least_important_first])].reset_index(drop=True)


def _ranks(values: pd.Series) -> npt.NDArray[np.int64]:
    """The rank of each value among the distinct ones, unknown values last."""
    ranks, distinct = pd.factorize(values, sort=True)
    return np.where(ranks < 0, len(distinct), ranks).astype(np.int64)


def normalise_titles(titles: pd.Series) -> npt.NDArray[np.object_]:
    """`normalise_title` of each title, none of them null; shape (n,)."""
    codes, distinct = pd.factorize(titles)
    return np.array([normalise_title(title) for title in distinct], dtype=object)[codes]


def _official(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The code in `ROLES` of each row's `split`; -1 where it has none."""
    splits = rows["split"]
    codes = {"": UNDECIDED, **{role: code for code, role in enumerate(ROLES)}}
    for value in splits.unique():
        if value not in codes:
            raise DataError(
                f"products: product '{rows['product_id'][splits == value].iloc[0]}' has the split '{value}', "
                "which is no role; write train, calibration or test, or leave it empty"
            )
    return np.asarray(splits.map(codes), dtype=np.int64)


def _edges(codes: npt.NDArray[np.int64], values: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Pairs of rows (later, first) that share a value but not the product; empty values bind nothing."""
    of_value, distinct = pd.factorize(values)
    first = np.full(len(distinct), len(codes), dtype=np.int64)
    np.minimum.at(first, of_value, np.arange(len(codes)))
    later = np.flatnonzero((values != "") & (codes != codes[first[of_value]]))
    return np.column_stack([later, first[of_value[later]]])
