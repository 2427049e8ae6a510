"""Stage `suspects`: training labels that are probably wrong, listed for people, most suspect first."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalogue.tables import read_frame
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import read_parameters
from aisle.errors import exit_code_of
from aisle.files import read_json, write_text
from pipelines.report.rendering import environment

WORK = Path("work")
TABLE, PAGE = WORK / "suspects.csv", WORK / "suspects.html"
SHOWN = 200  # on the page; the table holds all
STYLE = Path(__file__).parent / "report" / "templates" / "page.css"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins with these


def main() -> None:
    """Write `work/suspects.csv` and `work/suspects.html`; no label is changed or dropped."""
    from aisle.model.suspects import suspects

    error_rate = read_parameters().train.person_error_rate
    taxonomy = read_taxonomy(Path("data/taxonomy.csv"))
    candidate = read_json(WORK / "choice" / "candidate.json")["candidate"]
    train = read_frame(WORK / "prepared" / "train.parquet")
    found = suspects(read_frame(WORK / "candidates" / candidate / "out_of_fold.parquet"), train, error_rate)
    table = readable(found, train, taxonomy)
    write_text(TABLE, table.to_csv(index=False, lineterminator="\n"))
    write_text(PAGE, render(table, len(train), error_rate))
    print(f"{len(table):,} of {len(train):,} training labels are less certain than usual ({TABLE}, {PAGE})")


def readable(found: pd.DataFrame, train: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    """`suspects` as people read them: names beside ids, the product's text, and a sentence of evidence.

    Returns a frame with `certainty, product_id, title, seller, seller_category, label, suggested, evidence,
    origin, category_id, suggested_category_id`. Texts that a spreadsheet would take for a formula begin
    with an apostrophe.
    """
    products = train.loc[found.index]
    texts = ("title", "seller", "seller_category")
    told = {name: products.get(name) for name in (*texts, "origin")}
    table = pd.DataFrame({"certainty": found["certainty"].round(3), "product_id": found["product_id"], **told})
    table["label"] = [_path(taxonomy, one) for one in found["category_id"]]
    table["suggested"] = [_path(taxonomy, one) for one in found["suggested_category_id"]]
    table["evidence"] = [evidence(row, taxonomy) for row in found.to_dict("records")]
    table["category_id"], table["suggested_category_id"] = found["category_id"], found["suggested_category_id"]
    for name in (*texts, "label", "suggested"):
        table[name] = [_plain(text) for text in table[name]]
    order = ("certainty", "product_id", *texts, "label", "suggested", "evidence", "origin")
    return table[[*order, "category_id", "suggested_category_id"]].reset_index(drop=True)


def evidence(row: Mapping[Hashable, Any], taxonomy: Taxonomy) -> str:
    """Why a label is doubted, in one or two sentences, from a row of `suspects`."""
    told = _name(taxonomy, row["model_category_id"])
    if row["model_category_id"] != row["category_id"]:
        said = f"A model that never saw this label says “{told}” and is {_percent(row['confidence'])} sure."
    else:
        said = f"A model that never saw this label agrees, but is only {_percent(row['confidence'])} sure."
    if not row["mates"]:
        return said
    agree = "none" if not row["agreeing"] else "all" if row["agreeing"] == row["mates"] else str(row["agreeing"])
    if row["mates"] == 1:
        return (
            f"{said} The other offer of this product or title has {'the same' if row['agreeing'] else 'another'} label."
        )
    have = "has" if agree == "1" else "have"
    return f"{said} Of the {row['mates']} other offers of this product or title, {agree} {have} the same label."


def render(table: pd.DataFrame, labels: int, error_rate: float) -> str:
    """The page: the first `SHOWN` rows of `table`, self-contained.

    Parameters
    ----------
    table : as `readable` gives it
    labels : number of training labels that were looked at
    error_rate : share that is thought to be wrong
    """
    templates = environment(Path(__file__).parent)
    templates.filters["percent"] = _percent
    shown = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in table.head(SHOWN).to_dict("records")
    ]
    return templates.get_template("suspects.html.j2").render(
        rows=shown,
        found=len(table),
        labels=labels,
        expected=round(labels * error_rate),
        error_rate=error_rate,
        table=TABLE.name,
        style=STYLE.read_text(encoding="utf-8"),
    )


def _name(taxonomy: Taxonomy, category_id: str) -> str:
    return taxonomy.name(category_id) if category_id in taxonomy else category_id


def _path(taxonomy: Taxonomy, category_id: str | None) -> str | None:
    if category_id is None or category_id not in taxonomy:
        return category_id
    return taxonomy.full_name(category_id)


def _plain(text: Any) -> Any:
    """`text`, which a seller wrote, so that a spreadsheet shows it instead of running it."""
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _percent(share: float) -> str:
    """A share in whole percent, and never quite 0 or 100 unless it is."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
