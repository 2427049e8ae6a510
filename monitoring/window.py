"""What the monitor reads: the predictions of some days, their products, and what people said of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.errors import ConfigurationError, DataError
from monitoring.gaps import Gap, in_order

if TYPE_CHECKING:
    import pandas as pd

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Window:
    """The predictions of the days from `first` to `last` (both in it), and what is odd about them.

    Attributes
    ----------
    first, last : date
    rows : DataFrame
        One row a prediction, by time: the columns of `predictions/`, the product's fields at the revision that
        was predicted (else at its latest one), and

        - `day`: date of the prediction (UTC);
        - `received_on`: UTC date of the product's first receipt, as the draw of the audit uses it;
        - `known_model`: whether the registry knows the model and its policy (null: not asked);
        - `first`: whether this is the product's first prediction ever, the one that the audit checks;
        - `audit_probability`, `audit_drawn`, `blind`, `double`: the draw, on first predictions only;
        - `state`: what people said, a place in `aisle.audit.estimates.STATES`; -1 where nobody was asked;
        - `answered_category_id`: the category that settled it, null while right or wrong is open;
        - `shown`: whether the first person saw the suggestion (null: not drawn);
        - `agreed`: whether the first person's answer was the model's category (null: no answer yet).
    gaps : tuple of Gap
        By day.
    """

    first: dt.date
    last: dt.date
    rows: pd.DataFrame
    gaps: tuple[Gap, ...]

    @property
    def days(self) -> list[dt.date]:
        """All days of the window, with predictions or without."""
        return [self.first + dt.timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def population(self) -> pd.DataFrame:
        """The rows that estimates of accuracy are made of: first predictions with a draw (see `accuracy_by`)."""
        counted = self.rows["first"].to_numpy(dtype=bool) & self.rows["audit_probability"].notna().to_numpy()
        return self.rows[counted].reset_index(drop=True)

    @property
    def comparable(self) -> pd.DataFrame:
        """The rows of models that the registry knows: those that may be held against the reference."""
        return self.rows[self.rows["known_model"].fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)


def read_window(
    folder: Path | str,
    first: dt.date,
    last: dt.date,
    *,
    known_models: Collection[tuple[str, str]] | None = None,
    as_of: dt.datetime | None = None,
) -> Window:
    """Read the predictions made from `first` to `last` (UTC), what people said of them, and the gaps.

    An answer counts at the day of its prediction, whenever it was given.

    Parameters
    ----------
    folder : path
        A catalogue folder.
    known_models : collection of (model_version, policy_id), optional
        What the registry knows; see `Reference.known_models`.
    as_of : datetime, optional
        Now (UTC where it names no zone), by default the computer's clock: what is later is a gap.

    Raises
    ------
    ConfigurationError
        For a window that ends before it begins.
    DataError
        For a window without predictions, a shard that cannot be read, and values that make no sense
        (a confidence or a probability out of its range, a decision that is neither auto nor review).
    """
    from aisle.catalogue.tables import require_catalogue
    from monitoring import checks
    from monitoring.audited import with_answers, with_draws

    if last < first:
        raise ConfigurationError(f"the window from {first} to {last} ends before it begins")
    folder, now = require_catalogue(folder), as_of or dt.datetime.now(dt.UTC)
    now = now if now.tzinfo is not None else now.replace(tzinfo=dt.UTC)
    rows, days = _predictions(folder, first, last)
    checks.require_sense(rows, folder)
    repeated = checks.repetitions(rows)
    gaps = [*checks.missing_days(days, first, last), *checks.other_days(rows, days, first, last), *repeated.gaps]
    rows = rows[repeated.kept].reset_index(drop=True)
    rows = _with_models(_with_products(_with_first(rows, folder), folder), known_models)
    rows = with_draws(rows, folder)
    rows, answers = with_answers(rows, folder)
    gaps += [*checks.of_rows(rows, now), *checks.models_of_days(rows), *checks.of_answers(answers, now)]
    gaps += checks.future_days(days, last, now)
    return Window(first, last, rows.drop(columns=["shard", "moment", "no_product"]), in_order(gaps))


def last_day(folder: Path | str, today: dt.date | None = None) -> dt.date:
    """The last day with a prediction (UTC), today at the latest: one wrong clock must not hide all other days.

    Parameters
    ----------
    today : date, optional
        By default that of the computer's clock.

    Raises
    ------
    DataError
        Where there is no prediction yet, or none that is not of the future.
    """
    today = today or dt.datetime.now(dt.UTC).date()
    days = _days(Path(folder))
    if days.empty:
        raise DataError(f"{folder}: no predictions yet; there is nothing to monitor before a model has decided")
    past = days[(days["day"] <= np.datetime64(today)).to_numpy()]
    if past.empty:
        first = _as_date(days["day"].min())
        raise DataError(f"{folder}: the first prediction is of {first}, later than today ({today}); mend the clocks")
    return _as_date(past["day"].max())


def day_of_shard(name: str) -> dt.date | None:
    """The day that a shard is named for: the last date in its name, None where there is none."""
    for text in reversed(_DAY.findall(name)):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            continue
    return None


def _predictions(folder: Path, first: dt.date, last: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The predictions of the window by time, and the days of every shard: only shards of the window are read whole."""
    from aisle.catalogue.tables import read_table

    days = _days(folder)
    if days.empty:
        raise DataError(f"{folder}: no predictions yet; there is nothing to monitor before a model has decided")
    within = days[((days["day"] >= np.datetime64(first)) & (days["day"] <= np.datetime64(last))).to_numpy()]
    if within.empty:
        least, most = (_as_date(one) for one in (days["day"].min(), days["day"].max()))
        raise DataError(f"{folder}: no predictions from {first} to {last}; there are some from {least} to {most}")
    rows = read_table(folder, "predictions", shards=set(within["shard"]))
    moment = _moments(rows["predicted_at"], rows["shard"])
    chosen = (moment >= np.datetime64(first)) & (moment < np.datetime64(last + dt.timedelta(days=1)))
    rows = rows.assign(moment=moment)[chosen].sort_values("moment", kind="stable", ignore_index=True)
    return rows.assign(day=_dates(rows["moment"])), days


def _days(folder: Path) -> pd.DataFrame:
    """How many predictions each shard holds of each day: `shard, day, count`; the cheapest look at all of them."""
    from aisle.catalogue.tables import read_table

    times = read_table(folder, "predictions", columns=["predicted_at"])
    day = _moments(times["predicted_at"], times["shard"]).astype("datetime64[D]").astype("datetime64[s]")
    return times.assign(day=day).groupby(["shard", "day"], sort=True).size().rename("count").reset_index()


def _moments(times: pd.Series, shards: pd.Series) -> NDArray[np.datetime64]:
    """Times in UTC as numpy's; where there is none, the beginning of the shard's day, else the beginning of time."""
    import pandas as pd

    moment = pd.to_datetime(times, utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    unknown = np.isnat(moment)
    if unknown.any():
        names = shards[unknown]
        of_name = {name: np.datetime64(day_of_shard(name) or dt.date(1970, 1, 1), "us") for name in names.unique()}
        moment[unknown] = names.map(of_name).to_numpy().astype("datetime64[us]")
    return moment


def _dates(moments: pd.Series) -> pd.Series:
    """Moments as dates of Python."""
    day = moments.dt.floor("D")
    dates: pd.Series = day.map({one: one.date() for one in day.unique()}).astype(object)
    return dates


def _as_date(day: pd.Timestamp) -> dt.date:
    return day.date()


def _with_first(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Say which predictions are the first of their product, those before the window considered."""
    from aisle.catalogue.tables import read_table

    products = rows["product_id"].unique().tolist()
    ever = read_table(folder, "predictions", columns=["product_id", "predicted_at"], products=products)
    earliest = ever.assign(moment=_moments(ever["predicted_at"], ever["shard"])).groupby("product_id")["moment"].min()
    is_first = ~rows["product_id"].duplicated() & (rows["moment"] == rows["product_id"].map(earliest))
    return rows.assign(first=is_first.to_numpy(dtype=bool))


def _with_products(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the product's fields, its first receipt, and whether the catalogue holds it at all."""
    import pandas as pd

    from aisle.catalogue.tables import latest_revisions, read_table

    wanted = set(rows["product_id"])
    found = read_table(folder, "products", columns=["product_id"], products=wanted)
    columns = ["product_id", "revision", *PRODUCT_FIELDS, "received_at"]
    texts = read_table(folder, "products", columns=columns, shards=set(found["shard"]), products=wanted)
    latest = latest_revisions(texts).set_index("product_id")
    exact = texts.drop_duplicates(["product_id", "revision"], keep="last").set_index(["product_id", "revision"])
    place = exact.index.get_indexer(pd.MultiIndex.from_frame(rows[["product_id", "revision"]]))
    of_latest = latest.index.get_indexer(pd.Index(rows["product_id"]))
    fields = {}
    for name in PRODUCT_FIELDS:
        as_predicted, now = (_taken(frame[name], where) for frame, where in ((exact, place), (latest, of_latest)))
        fields[name] = np.where(place >= 0, as_predicted, now)
    received = rows["product_id"].map(texts.groupby("product_id")["received_at"].min()).astype("datetime64[us, UTC]")
    received_on = received.dt.tz_localize(None).fillna(rows["moment"]).dt.floor("D")
    fields["price"] = fields["price"].astype(np.float64)
    return rows.assign(**fields, received_at=received, received_on=received_on, no_product=of_latest < 0)


def _taken(values: pd.Series, places: NDArray[np.intp]) -> NDArray[np.object_]:
    """The values at `places`, None where the place is -1."""
    found: NDArray[np.object_] = np.append(values.to_numpy(dtype=object), [None])[places]
    return found


def _with_models(rows: pd.DataFrame, known: Collection[tuple[str, str]] | None) -> pd.DataFrame:
    import pandas as pd

    if known is None:
        return rows.assign(known_model=pd.array([None] * len(rows), dtype="boolean"))
    pairs = zip(rows["model_version"].tolist(), rows["policy_id"].tolist(), strict=True)
    return rows.assign(known_model=pd.array([pair in known for pair in pairs], dtype="boolean"))
