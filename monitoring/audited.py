"""What people said of the predictions of a window: its draws and their answers, at the day of the prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisle.audit.estimates import RIGHT, WRONG, audit_state
from aisle.audit.verdicts import verdicts

if TYPE_CHECKING:
    import pandas as pd

_DRAW: dict[str, Any] = {
    "audit_probability": "Float64",
    "audit_drawn": "boolean",
    "blind": "boolean",
    "double": "boolean",
}
_LABEL_COLUMNS = ("product_id", "revision", "category_id", "origin", "status", "adjudicated", "labelled_at", "labeller")


def with_draws(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the draw of each first prediction: the one it carries, else the one of the table `draws/`.

    Of later predictions of a product the draw is null: it belongs to the first one, and counts once.
    """
    import pandas as pd

    from aisle.audit.draws import read_draws

    draws = read_draws(folder).set_index("product_id")
    stored, first = rows["audit_probability"].notna().to_numpy(), rows["first"].to_numpy(dtype=bool)
    columns: dict[str, Any] = {}
    for name, kind in _DRAW.items():
        own = rows[name].astype(kind) if name in rows else pd.Series(None, rows.index, dtype=kind)
        drawn = rows["product_id"].map(draws[name].astype(kind)).astype(kind)
        columns[name] = own.where(stored, drawn).mask(~first)
    probability = columns["audit_probability"].to_numpy(dtype=np.float64, na_value=np.nan)
    return rows.assign(**columns | {"audit_probability": probability})


def with_answers(rows: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add `state`, `answered_category_id`, `shown` and `agreed`; give the answers of people, too.

    Returns
    -------
    rows : DataFrame
    answers : DataFrame
        Labels of people (all but imports and those of models) to products whose first prediction is in the
        window: `product_id, origin, labelled_at, day`, and `early`: given before that prediction, and left out.
    """
    from aisle.catalogue.tables import read_table

    first = rows[rows["first"].to_numpy(dtype=bool)]
    labels = read_table(folder, "labels", columns=_LABEL_COLUMNS, products=set(first["product_id"]))
    labels = labels[labels["origin"].isin(("audit", "review", "correction")).to_numpy()].reset_index(drop=True)
    of_first = first.set_index("product_id")
    predicted_at = labels["product_id"].map(of_first["predicted_at"])
    labels = labels.assign(
        day=labels["product_id"].map(of_first["day"]), early=(labels["labelled_at"] < predicted_at).to_numpy()
    )
    same = labels["revision"] == labels["product_id"].map(of_first["revision"])  # another text is another decision
    audits = labels[((labels["origin"] == "audit") & same & ~labels["early"]).to_numpy()].reset_index(drop=True)
    said = verdicts(first, audits)
    found = audit_state(
        said["agree"], said["contradict"], said["settled"], said["skipped"], (first["decision"] == "auto").to_numpy()
    )
    drawn = first["audit_drawn"].fillna(False).to_numpy(dtype=bool)
    state = np.full(len(rows), -1, dtype=np.int64)
    state[np.flatnonzero(rows["first"])] = np.where(drawn, found, -1)
    shown = (~rows["blind"]).where(rows["audit_drawn"].fillna(False).to_numpy(dtype=bool))
    rows = rows.assign(state=state, shown=shown)
    rows = rows.assign(answered_category_id=_settled(rows, audits), agreed=_agreed(rows, audits))
    return rows, labels


def _settled(rows: pd.DataFrame, audits: pd.DataFrame) -> NDArray[np.object_]:
    """The category that people settled on: the model's where it was right, else theirs."""
    state = rows["state"].to_numpy()
    own = rows["category_id"].to_numpy(dtype=object)
    refuted = rows[state == WRONG].set_index("product_id")["category_id"]
    answered = audits[(audits["product_id"].isin(refuted.index) & (audits["status"] == "answered")).to_numpy()]
    contradicting = answered[(answered["category_id"] != answered["product_id"].map(refuted)).to_numpy()]
    votes = contradicting.groupby(["product_id", "category_id"])["product_id"].transform("size").to_numpy()
    ranked = contradicting.assign(votes=votes, place=np.arange(len(contradicting)))
    best = ranked.sort_values(["adjudicated", "votes", "place"]).drop_duplicates("product_id", keep="last")
    theirs = rows["product_id"].map(best.set_index("product_id")["category_id"]).to_numpy(dtype=object)
    nothing = np.array(None, dtype=object)
    return np.where(state == RIGHT, own, np.where(state == WRONG, theirs, nothing))


def _agreed(rows: pd.DataFrame, audits: pd.DataFrame) -> pd.Series:
    """Whether the first person's answer was the model's category; null without an answer, or a draw."""
    answered = audits[(audits["status"] == "answered").to_numpy()]
    answer = rows["product_id"].map(answered.drop_duplicates("product_id").set_index("product_id")["category_id"])
    asked = rows["state"].to_numpy() >= 0
    same = (answer == rows["category_id"]).astype("boolean")
    return same.where(asked & answer.notna().to_numpy())
