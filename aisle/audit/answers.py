"""Lists of audits to answer, and answers as label rows, over the tables of a catalogue folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.draws import audited_population
from aisle.audit.lists import Filled, read_filled, write_list
from aisle.audit.sampling import Secret
from aisle.audit.verdicts import audit_labels, verdicts
from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from aisle.catalogue.taxonomy import Taxonomy


def write_first_list(folder: Path | str, day: str, secret: Secret, path: Path | str) -> int:
    """The audits of one draw without any answer, in an order that tells nothing; how many there are."""
    from aisle.audit.draws import read_draws

    draws = read_draws(folder)
    mine = draws[(draws["shard"] == day) & draws["audit_drawn"]]
    answered = set(audit_labels(folder)["product_id"])
    todo = [one for one in mine["product_id"] if one not in answered]
    return _write(folder, todo, secret, "list", False, path)


def write_second_list(folder: Path | str, secret: Secret, path: Path | str, *, ties: bool = False) -> int:
    """The audits that wait for a second person; with `ties` those on which two people differ.

    Contradicted decisions and those to be labelled twice anyway, mixed, and none with a suggestion: the
    second person cannot tell what the first one said.
    """
    population = audited_population(folder)
    said = verdicts(population, audit_labels(folder))
    drawn = population["audit_drawn"].fillna(False).to_numpy(dtype=bool)
    yes, no = said["agree"].to_numpy(), said["contradict"].to_numpy()
    unsettled = drawn & (said["settled"].to_numpy() < 0)
    if ties:
        chosen = unsettled & (yes == no) & (yes > 0)
    else:
        double = population["double"].fillna(False).to_numpy(dtype=bool)
        automatic = (population["decision"] == "auto").to_numpy()
        chosen = unsettled & ((automatic & (no == 1) & (yes == 0)) | (double & (yes + no == 1)))
    return _write(folder, population["product_id"][chosen].tolist(), secret, "second list", True, path)


def _write(folder: Path | str, todo: list[str], secret: Secret, purpose: str, hide: bool, path: Path | str) -> int:
    from aisle.catalogue.tables import latest_revisions, read_table
    from aisle.catalogue.taxonomy import read_taxonomy

    taxonomy = read_taxonomy(Path(folder) / "taxonomy.csv")
    order = np.argsort(secret.uniform(purpose, todo, np.datetime64("1970-01-01")), kind="stable")
    audits, texts = (
        _records(frame.set_index("product_id"), todo)
        for frame in (audited_population(folder), latest_revisions(read_table(folder, "products")))
    )

    def rows() -> Iterator[dict[str, Any]]:
        for product in (todo[place] for place in order):
            audit = audits[product]
            shown = None if hide or is_true(audit["blind"]) else str(audit["category_id"])
            known = {name: texts[product][name] for name in PRODUCT_FIELDS if not _null(texts[product][name])}
            name = taxonomy.full_name(shown) if shown is not None and shown in taxonomy else ""
            yield {
                "product_id": product,
                "revision": int(audit["revision"]),
                **known,
                "suggestion": shown or "",
                "suggestion_name": name,
            }

    write_list(rows(), path)
    return len(todo)


@dataclass(frozen=True)
class Brought:
    """What `bring_answers` did: the shard (None: nothing new), and how many rows were what."""

    shard: str | None
    answered: int
    skipped: int
    known: int
    waiting: int


def bring_answers(
    folder: Path | str,
    path: Path | str,
    labeller: str | None = None,
    *,
    adjudicated: bool = False,
    now: dt.datetime | None = None,
) -> Brought:
    """Append the answers of a filled list to `labels/`, all of them or none.

    A row that says the same as this person has said already is passed over, so that a file can be brought twice.

    Raises
    ------
    DataError
        With the line: an unknown product, one that was not drawn, a category that is no leaf, "yes" where
        no suggestion was shown, or another answer than this person gave before.
    """
    import pandas as pd

    from aisle.catalogue.tables import require_catalogue, write_shard
    from aisle.catalogue.taxonomy import read_taxonomy
    from aisle.files import holding

    folder, moment = require_catalogue(folder), now or dt.datetime.now(dt.UTC)
    filled, waiting = read_filled(path)
    taxonomy = read_taxonomy(folder / "taxonomy.csv")
    with holding(folder):
        population = audited_population(folder).set_index("product_id")
        audits = _records(population, [one.product_id for one in filled])
        labels = audit_labels(folder)
        before = _said_before(labels, labeller)
        shares = _review_shares(folder, population)
        rows, leaves = [], set(taxonomy.leaves)
        for one in filled:
            where = f"{path}: line {one.line}"
            category = _category(one, audits, taxonomy, leaves, where)
            if one.product_id in before and (not adjudicated or before[one.product_id][1]):
                old = before[one.product_id][0]
                if old != category:
                    raise DataError(
                        f"{where}: {labeller or 'somebody without a name'} answered '{old or 'skip'}' for product "
                        f"'{one.product_id}' before; empty the answer, or say with --labeller who this is"
                    )
                continue
            rows.append(_row(one, audits[one.product_id], category, shares, adjudicated))
        shard = None
        if rows:
            shard = _shard_name(folder, moment.date())
            table = pd.DataFrame(rows).assign(labelled_at=pd.Timestamp(moment), labeller=labeller, origin="audit")
            write_shard(table.sort_values("product_id"), "labels", folder / "labels" / f"{shard}.parquet")
    skipped = sum(row["status"] == "skipped" for row in rows)
    return Brought(shard, len(rows) - skipped, skipped, len(filled) - len(rows), waiting)


def _said_before(labels: pd.DataFrame, labeller: str | None) -> dict[str, tuple[str | None, bool]]:
    """The latest answer of a person to each product (None: could not say), and whether it settled the matter."""
    mine = labels[(labels["labeller"].fillna("") == (labeller or "")).to_numpy()]
    columns = (mine["product_id"], mine["category_id"], mine["adjudicated"])
    return {
        str(product): (None if _null(category) else str(category), bool(settles))
        for product, category, settles in zip(*columns, strict=True)
    }


def _category(
    one: Filled, audits: dict[str, dict[str, Any]], taxonomy: Taxonomy, leaves: set[str], where: str
) -> str | None:
    """The answer as a leaf, None where the person could not say."""
    if one.product_id not in audits:
        raise DataError(f"{where}: product '{one.product_id}' has no prediction in this catalogue; was its id changed?")
    audit = audits[one.product_id]
    if not is_true(audit["audit_drawn"]):
        raise DataError(f"{where}: product '{one.product_id}' was not drawn; answers of one's own choice are no audit")
    if one.revision is not None and one.revision != int(audit["revision"]):
        raise DataError(f"{where}: revision {one.revision} was not audited, {int(audit['revision'])} was")
    if one.suggestion and (is_true(audit["blind"]) or one.suggestion != audit["category_id"]):
        raise DataError(f"{where}: the suggestion '{one.suggestion}' is not what was shown; leave it as it was")
    if one.skipped:
        return None
    if one.agreed:
        if not one.suggestion:
            raise DataError(f"{where}: '{one.answer}', but no suggestion was shown; write the category_id")
        return str(audit["category_id"])
    if one.answer not in leaves:
        from aisle.config import suggest

        kind = "a category with others below it" if one.answer in taxonomy else "no category_id of taxonomy.csv"
        raise DataError(f"{where}: '{one.answer}' is {kind}{suggest(one.answer, leaves)}; or write yes or skip")
    return one.answer


def _row(
    one: Filled, audit: dict[str, Any], category: str | None, shares: dict[dt.date, float], adjudicated: bool
) -> dict[str, Any]:
    probability = float(audit["audit_probability"])
    # Among products under review an audit is one of two ways to be labelled.
    reviewed = shares.get(audit["received_on"].date(), 0.0) if audit["decision"] == "review" else 0.0
    return {
        "product_id": one.product_id,
        "revision": int(audit["revision"]),
        "category_id": category,
        "status": "skipped" if category is None else "answered",
        "adjudicated": adjudicated and category is not None,
        "suggested_category_id": one.suggestion or None,
        "audit_probability": probability,
        "inclusion_probability": probability + (1 - probability) * reviewed,
        "model_version": audit["model_version"],
    }


def _review_shares(folder: Path, population: pd.DataFrame) -> dict[dt.date, float]:
    """Of each day's products under review that were not drawn, the share that people have labelled."""
    from aisle.catalogue.tables import read_table

    labels = read_table(folder, "labels")
    reviewed = set(labels["product_id"][(labels["origin"] == "review").to_numpy()])
    others = (population["decision"] == "review") & ~population["audit_drawn"].fillna(False).to_numpy(dtype=bool)
    waiting = population[others.to_numpy()]
    days = waiting["received_on"].dt.date.tolist()
    done: dict[dt.date, list[bool]] = {}
    for product, day in zip(waiting.index, days, strict=True):
        done.setdefault(day, []).append(product in reviewed)
    return {day: sum(those) / len(those) for day, those in done.items()}


def _records(frame: pd.DataFrame, identifiers: list[str]) -> dict[str, dict[str, Any]]:
    """Rows of a frame that is indexed by product_id, those with these ones alone, as plain values."""
    rows = frame[frame.index.isin(set(identifiers))].to_dict("index")
    return {str(product): {str(name): value for name, value in row.items()} for product, row in rows.items()}


def _null(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def is_true(value: Any) -> bool:
    """Whether a cell of a nullable column of truth values holds true; null does not."""
    import pandas as pd

    return not pd.isna(value) and bool(value)


def _shard_name(folder: Path, day: dt.date) -> str:
    """A name for a new shard of labels that sorts after all that are there, as the order of arrival wants it."""
    from aisle.catalogue.tables import shards_of

    last = max((path.name for path in shards_of(folder, "labels")), default="")
    for kind in (f"{day}-audit", f"{day}_audit", f"{day}_late_audit"):
        for name in (kind, *(f"{kind}_{number:02}" for number in range(2, 100))):
            if f"{name}.parquet" > last and name > last.removesuffix(".parquet"):
                return name
    raise DataError(f"{folder}/labels: the last shard is {last}, later than {day}; is this computer's clock right?")
