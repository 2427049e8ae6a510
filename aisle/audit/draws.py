"""Draws over the tables of a catalogue folder, for teams without the desk: the table `draws/`.

A prediction is written where a model answers, before anyone draws; shards are append-only; and one
product has one draw but perhaps many predictions. So draws stand in a table of their own, one row a
product, drawn or not, and never in a second copy of the prediction. Where predictions do carry a draw
(the desk writes them so), that one stands.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.rates import Rates, fewest_recent
from aisle.audit.sampling import Secret, draw
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TABLE = "draws"


def schema() -> pa.Schema:
    """Columns of a draws shard."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("product_id", pa.string(), nullable=False),
            pa.field("received_on", pa.date32(), nullable=False),
            pa.field("audit_probability", pa.float64(), nullable=False),
            pa.field("audit_drawn", pa.bool_(), nullable=False),
            pa.field("blind", pa.bool_(), nullable=False),
            pa.field("double", pa.bool_(), nullable=False),
        ]
    )


def read_draws(folder: Path | str) -> pd.DataFrame:
    """All draws of a catalogue folder, with the `shard` each stands in; `DataError` for a product drawn twice."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aisle.catalogue.tables import conform, shards_of

    shards = []
    for path in shards_of(folder, TABLE):
        try:
            shard = conform(pq.ParquetFile(path).read(), schema(), str(path))
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{path}: cannot be read as Parquet; get it again with `dvc pull`") from error
        shards.append(shard.append_column("shard", pa.array([path.stem] * len(shard), pa.string())))
    if not shards:
        return pd.DataFrame(schema().empty_table().to_pandas()).assign(shard=pd.Series(dtype=object))
    draws: pd.DataFrame = pa.concat_tables(shards).to_pandas()
    if draws["product_id"].duplicated().any():
        twice = draws[draws["product_id"].duplicated(keep=False)].head(2)
        first, second = twice["shard"].tolist()
        raise DataError(
            f"{folder}/{TABLE}: product '{twice['product_id'].iloc[0]}' is drawn in {first} and again in {second}; "
            "take the later shard out"
        )
    return draws


def audited_population(folder: Path | str) -> pd.DataFrame:
    """Every product with a prediction: the first one, which is what the audit checks, and its draw.

    Columns: `product_id, predicted_at` and the other columns of predictions that say what was decided,
    `seller, received_on`, and `audit_probability, audit_drawn, blind, double` (null: no draw yet, or not known).
    """
    import pandas as pd

    from aisle.catalogue.tables import latest_revisions, read_table

    predictions = read_table(folder, "predictions")
    times = pd.to_datetime(predictions["predicted_at"], utc=True)
    order = times.argsort(kind="stable") if times.notna().all() else np.arange(len(predictions))
    first = predictions.iloc[order].drop_duplicates("product_id").drop(columns="shard")
    products = read_table(folder, "products")[["product_id", "revision", "seller", "received_at"]]
    received = products.groupby("product_id", sort=False)["received_at"].min()
    seller = latest_revisions(products).set_index("product_id")["seller"]
    result = first.assign(
        seller=first["product_id"].map(seller),
        received_on=pd.to_datetime(first["product_id"].map(received), utc=True)
        .fillna(pd.to_datetime(first["predicted_at"], utc=True))
        .dt.tz_localize(None)
        .dt.floor("D"),
    )
    draws = read_draws(folder).set_index("product_id")
    stored = result["audit_probability"].notna()
    result["double"] = None
    for column in ("audit_probability", "audit_drawn", "blind", "double"):
        kind: Any = "Float64" if column == "audit_probability" else "boolean"
        drawn = result["product_id"].map(draws[column].astype(kind))
        result[column] = result[column].astype(kind).where(stored, drawn.astype(kind))
    result["audit_probability"] = result["audit_probability"].to_numpy(dtype=np.float64, na_value=np.nan)
    return result.reset_index(drop=True)


@dataclass(frozen=True)
class DayDraw:
    """What `draw_day` did: the shard, whether it stood already, its products and its audits."""

    shard: str
    already: bool
    products: int
    audits: int
    expected: float


def draw_day(folder: Path | str, day: dt.date, rates: Rates, secret: Secret, today: dt.date | None = None) -> DayDraw:
    """Draw once among all products first scored up to and on `day` (UTC) that have no draw yet.

    Writes the shard `draws/YYYY-MM-DD.parquet`. Where it stands already nothing is drawn and nothing
    changes, whatever the rates or the secret are now.

    Raises
    ------
    DataError
        For a day that is not over or lies before the last draw, or without predictions to draw from.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aisle.catalogue.tables import require_catalogue, shards_of
    from aisle.files import holding, replacing

    folder = require_catalogue(folder)
    if day >= (today or dt.datetime.now(dt.UTC).date()):
        raise DataError(f"{day} is not over yet (UTC): products still to come would miss the draw; take an earlier day")
    with holding(folder):
        there = [path.stem for path in shards_of(folder, TABLE)]
        if str(day) in there:
            draws = read_draws(folder)
            mine = draws[draws["shard"] == str(day)]
            expected = float(mine["audit_probability"].sum())
            return DayDraw(str(day), True, len(mine), int(mine["audit_drawn"].sum()), expected)
        if there and max(there) > str(day):
            raise DataError(f"{folder}/{TABLE}: the last draw is of {max(there)}; {day} lies before it, and is in it")
        population = audited_population(folder)
        scored_on = pd.to_datetime(population["predicted_at"], utc=True).dt.date
        waiting = population[population["audit_probability"].isna() & (scored_on <= day).to_numpy()]
        if waiting.empty:
            raise DataError(f"{folder}: no product was first scored up to {day} without a draw; nothing to draw")
        rows = _drawn(waiting, population, day, rates, secret)
        with replacing(folder / TABLE / f"{day}.parquet") as temporary:
            table = pa.Table.from_pandas(rows, schema=schema(), preserve_index=False).replace_schema_metadata(None)
            pq.write_table(table, temporary, compression="zstd", write_statistics=False)
    return DayDraw(str(day), False, len(rows), int(rows["audit_drawn"].sum()), float(rows["audit_probability"].sum()))


def _drawn(waiting: pd.DataFrame, population: pd.DataFrame, day: dt.date, rates: Rates, secret: Secret) -> pd.DataFrame:
    import pandas as pd

    waiting = waiting.sort_values("product_id")
    drawn_already = population[population["audit_drawn"].fillna(False).to_numpy(dtype=bool)]
    since = pd.Timestamp(day) - pd.Timedelta(days=rates.recent_days)
    recent = drawn_already[(drawn_already["received_on"] > since).to_numpy()]
    branch, category = (waiting[one].fillna("").to_numpy(dtype=object) for one in ("branch_id", "category_id"))
    counts = ({str(k): int(v) for k, v in recent[one].value_counts().items()} for one in ("branch_id", "category_id"))
    fewest = fewest_recent(branch, category, *counts)
    confidence = waiting["confidence"].to_numpy(dtype=np.float64)
    # The day is over, so its volume is known; the scale depends on who came, never on who is drawn.
    days = max((pd.Timestamp(day) - waiting["received_on"].min()).days + 1, 1)
    fitted = rates.within_budget(len(waiting) / days, confidence, branch, fewest)
    received = waiting["received_on"].to_numpy(dtype="datetime64[D]")
    identifiers = waiting["product_id"].tolist()
    found = draw(
        secret,
        identifiers,
        received,
        fitted.of(confidence, branch, fewest),
        rates.blind_share,
        rates.double_share,
    )
    return pd.DataFrame(
        {
            "product_id": identifiers,
            "received_on": received.astype(object),
            "audit_probability": found.audit_probability,
            "audit_drawn": found.audit_drawn,
            "blind": found.blind,
            "double": found.double,
        }
    )
