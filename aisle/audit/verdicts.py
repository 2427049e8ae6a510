"""What people said of each audited decision, and the estimates that follow, over the tables of a catalogue folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.draws import audited_population
from aisle.audit.estimates import LEVEL, audit_state, audit_sums, estimate
from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd

SLICES = {
    "day": "received_on",
    "branch": "branch_id",
    "seller": "seller",
    "decision": "decision",
    "model_version": "model_version",
}


def audit_labels(folder: Path | str) -> pd.DataFrame:
    """The answers to audits so far: rows of the labels table with origin `audit`."""
    from aisle.catalogue.tables import read_table

    labels = read_table(folder, "labels")
    return labels[(labels["origin"] == "audit").to_numpy()].reset_index(drop=True)


def verdicts(population: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """What people said of each product of `population`, in its order: `agree, contradict, settled, skipped`.

    An answer speaks of the text that was shown, so it counts for the product's `revision` in `population` alone.
    Of each person the latest answer counts; unnamed people count as one. An adjudicated answer
    settles (1 the decision is right, 0 wrong, -1 there is none); of several the latest one does.
    """
    import pandas as pd

    product = _places(population, labels)
    known = product >= 0
    rows = labels[known]
    rows = rows.assign(_product=product[known], _person=rows["labeller"].fillna(""))
    decided = population["category_id"].to_numpy(dtype=object)[product[known]]
    rows = rows.assign(_right=rows["category_id"].to_numpy() == decided)
    answered = rows[(rows["status"] == "answered").to_numpy()]
    many = len(population)
    settled = np.full(many, -1, dtype=np.int64)
    final = answered[answered["adjudicated"].to_numpy(dtype=bool)].drop_duplicates("_product", keep="last")
    settled[final["_product"]] = final["_right"].to_numpy(dtype=np.int64)
    votes = answered.drop_duplicates(["_product", "_person"], keep="last")

    def count(chosen: pd.DataFrame) -> np.ndarray[Any, Any]:
        return np.bincount(chosen["_product"], minlength=many)

    return pd.DataFrame(
        {
            "agree": count(votes[votes["_right"].to_numpy(dtype=bool)]),
            "contradict": count(votes[~votes["_right"].to_numpy(dtype=bool)]),
            "settled": settled,
            "skipped": count(rows[(rows["status"] == "skipped").to_numpy()]),
        }
    )


def _places(population: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Where in `population` the product and revision of each label stand; -1 for none."""
    named = ["product_id", "revision"]
    places = population[named].assign(place=np.arange(len(population)))
    return labels[named].merge(places, how="left", on=named)["place"].fillna(-1).to_numpy(dtype=np.int64)


def with_states(folder: Path | str) -> pd.DataFrame:
    """`audited_population` of the products with a draw, and the `state` of each that was drawn (-1: not drawn).

    Raises
    ------
    DataError
        Where nothing has been drawn yet.
    """
    population = audited_population(folder)
    population = population[population["audit_probability"].notna().to_numpy()].reset_index(drop=True)
    if population.empty:
        raise DataError(f"{folder}: no product has a draw yet; begin with `aisle audit draw`")
    said = verdicts(population, audit_labels(folder))
    state = audit_state(
        said["agree"], said["contradict"], said["settled"], said["skipped"], population["decision"] == "auto"
    )
    return population.assign(state=np.where(population["audit_drawn"].fillna(False).to_numpy(dtype=bool), state, -1))


def accuracy_by(population: pd.DataFrame, slices: str | None = None, level: float = LEVEL) -> pd.DataFrame:
    """Accuracy of each slice of `with_states`, as a table: one row a slice, of all products and of automatic ones.

    Parameters
    ----------
    population : DataFrame
        Of `with_states`, or some of its rows: a slice of one's own.
    slices : str, optional
        One of `SLICES`; without it one row for all.

    Returns
    -------
    DataFrame
        `slice`, `of` (`auto`: what was decided automatically; `all`: the top category of every
        product), `products`, and the figures of `Estimate`.
    """
    import pandas as pd

    if slices is not None and slices not in SLICES:
        raise ConfigurationError(f"accuracy by {slices} is not known; known are {', '.join(SLICES)}")
    tables = []
    for name, rows in (("auto", population[(population["decision"] == "auto").to_numpy()]), ("all", population)):
        values = pd.Series("all", index=rows.index) if slices is None else rows[SLICES[slices]]
        shown = values.astype(str).str[:10] if slices == "day" else values.fillna("(unknown)").astype(str)
        group, names = pd.factorize(shown, sort=True)
        if not len(names):
            continue
        probability = rows["audit_probability"].to_numpy(dtype=np.float64)
        smallest = np.ones(len(names))
        np.minimum.at(smallest, group, probability)
        drawn = rows["state"].to_numpy() >= 0
        sums = audit_sums(
            rows["state"].to_numpy()[drawn], probability[drawn], smallest, group[drawn], groups=len(names)
        )
        table = estimate(sums, level).table(names.tolist(), "slice")
        table.insert(1, "of", name)
        table.insert(2, "products", np.bincount(group, minlength=len(names)))
        tables.append(table)
    return pd.concat(tables, ignore_index=True).sort_values("slice", kind="stable").reset_index(drop=True)


def people(folder: Path | str) -> dict[str, Any]:
    """Agreement of two people, error rates, and what a suggestion does, from the audits of a catalogue folder.

    Returns
    -------
    dict
        `agreement`: `Agreement` of the first two people of each product; `error_rate`: by person, on
        products that an adjudication by somebody else settled; `suggestion`: `SuggestionEffect`.
    """
    from aisle.audit.agreement import agreement, error_rate, suggestion_effect

    population = audited_population(folder).set_index("product_id")
    labels = audit_labels(folder)
    answered = labels[(labels["status"] == "answered").to_numpy()]
    answered = answered.assign(person=answered["labeller"].fillna(""))
    votes = answered[~answered["adjudicated"].to_numpy(dtype=bool)].drop_duplicates(["product_id", "person"])
    number = votes.groupby("product_id").cumcount()
    people = answered.drop_duplicates(["product_id", "person"])  # who confirmed what another said is one of two, too
    place = people.groupby("product_id").cumcount().to_numpy()
    pairs = people[place == 0].merge(people[place == 1], on="product_id", suffixes=("_1", "_2"))

    final = answered[answered["adjudicated"].to_numpy(dtype=bool)].drop_duplicates("product_id", keep="last")
    known = votes.merge(final, on="product_id", suffixes=("", "_settled"))
    known = known[(known["person"] != known["person_settled"]).to_numpy()]

    first = votes[(number.to_numpy() == 0) & votes["product_id"].isin(population.index).to_numpy()]
    decided = population["category_id"].reindex(first["product_id"]).to_numpy(dtype=object)
    agreed = first["category_id"].to_numpy(dtype=object) == decided
    shown = first["suggested_category_id"].notna().to_numpy()
    counts = [int(one.sum()) for one in (agreed & shown, shown, agreed & ~shown, ~shown)]
    return {
        "agreement": agreement(pairs["category_id_1"].tolist(), pairs["category_id_2"].tolist()),
        "error_rate": error_rate((known["category_id"] != known["category_id_settled"]).to_numpy(), known["person"]),
        "suggestion": suggestion_effect(*counts),
    }
