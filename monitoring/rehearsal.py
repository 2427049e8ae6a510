"""A change before it happens: days that the champion decides and made-up people audit, appended to a sample.

Days come from `aisle.catalogue.sample.stream`, quiet or with a planted change; the champion of the registry
decides them with its own policy; audits are drawn as ever, with a secret made from the seed; people answer from the
truth, and err. What comes out are shards like those of real days, so whatever reads those can be tried on them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.rates import Rates
from aisle.audit.sampling import Secret, draw
from aisle.decision.answers import decide
from aisle.decision.policy import Policy, read_policy
from aisle.errors import AisleError, ConfigurationError, DataError, RegistryError
from aisle.files import clean_leftovers, replacing, replacing_folder
from monitoring.champion import find_champion, model_folder
from monitoring.copying import check_place, copy_catalogue, fill, marked, refuse_tracked, truth_of
from monitoring.rehearsed_people import Crew

if TYPE_CHECKING:
    import pandas as pd

    from aisle.catalogue.sample.vocabulary import Leaf
    from aisle.model.categorizer import Categorizer

__all__ = [
    "RATES",
    "SAMPLE",
    "Decider",
    "Rehearsed",
    "champion_decider",
    "copy_catalogue",
    "rehearse",
    "rehearse_apart",
]

RATES = Rates(floor=0.15)
SAMPLE: Mapping[str, int] = {"categories": 200, "branches": 12, "sellers": 60, "seed": 0}  # as `aisle sample` has them
_ANSWERED_AFTER = np.timedelta64(90, "s")
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Decider:
    """Who decides in a rehearsal: a model, its policy, and the version that the registry gave it."""

    model: Categorizer
    policy: Policy
    version: str


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal appended.

    Attributes
    ----------
    days : DataFrame
        One row a day: `day, plant, products, automatic, right` (of the automatic ones, in truth), `audits`.
    shards : list of str
        The days' names, in `products/`, `predictions/` and `labels/`.
    """

    folder: Path
    truth: Path
    days: pd.DataFrame
    shards: list[str] = field(default_factory=list)


def champion_decider() -> Decider:
    """The champion of the registry; `RegistryError` where there is none, or its files are gone."""
    from aisle.model.storage import load

    champion = find_champion()
    folder = model_folder(champion)
    try:
        policy = read_policy(folder / "policy.json")
    except DataError as error:
        raise RegistryError(f"the champion's files do not hold what they must: {error}") from error
    return Decider(load(folder / "model.skops"), policy, champion.version)


def rehearse_apart(source: Path | str, into: Path | str, *, replace: bool = False, **options: Any) -> Rehearsed:
    """Rehearse in a copy of `source`: the whole copy with its days comes to `into`, or nothing.

    Parameters
    ----------
    into : path
        A folder of its own; with `replace` that of an earlier rehearsal. The truth goes to
        `<into>-truth.parquet` beside it.
    **options
        Of `rehearse`, but `truth`.
    """
    from aisle.catalogue.tables import require_catalogue

    source, into = require_catalogue(source), Path(into)
    check_place(source, into, replace=replace)
    clean_leftovers(into)
    told = truth_of(into)
    with replacing_folder(into) as part, tempfile.TemporaryDirectory() as apart:
        fill(source, part)
        new_truth = Path(apart) / "truth.parquet"
        try:
            done = rehearse(part, truth=new_truth, **options)
        except AisleError as error:
            raise type(error)(str(error).replace(str(part), str(source))) from error
        with replacing(told) as temporary:
            shutil.copy(new_truth, temporary)
    return dataclasses.replace(done, folder=into, truth=told)


def rehearse(
    folder: Path | str,
    *,
    days: int = 14,
    plant: str = "quiet",
    per_day: int | None = None,
    quiet_days: int = 0,
    seed: int = 0,
    rates: Rates = RATES,
    decider: Decider | None = None,
    start: dt.date | None = None,
    truth: Path | str | None = None,
    sample: Mapping[str, int] = SAMPLE,
    progress: Progress | None = None,
) -> Rehearsed:
    """Append rehearsed days to a copy of a sample catalogue: products, predictions and labels, a shard a day.

    The folder is marked as rehearsed (`copying.MARK`). The same catalogue, champion and arguments give the same bytes.

    Parameters
    ----------
    folder : path
        A catalogue that `aisle sample` made, or a copy of it (see `copy_catalogue`); never one that DVC tracks.
    days : int
        How many days with the change, at least 1.
    plant : str
        What they show: a kind of `aisle.catalogue.sample.plants.KINDS`.
    per_day : int, optional
        Products a day; by default as many as the catalogue had lately.
    quiet_days : int
        Days without a change that come first.
    seed : int
        Of the draw and of what people do. The products depend on the days and on the sample's seed alone:
        for other products take another `start`.
    rates : Rates
        Of the audit.
    decider : Decider, optional
        The champion of the registry by default.
    start : date, optional
        The first day; the one after the last shard by default.
    truth : path, optional
        Where the true categories go, beside the folder by default; must not lie in it.
    sample : mapping
        What the sample was made with: categories, branches, sellers, seed.

    Raises
    ------
    DataError, ConfigurationError
        As `write_stream`; and for a folder that DVC tracks.
    RegistryError
        Where there is no champion.
    """
    import pandas as pd

    from aisle.catalogue.sample.plants import Plant
    from aisle.catalogue.sample.stream import write_stream
    from aisle.catalogue.sample.tree import choose_leaves
    from aisle.catalogue.tables import read_frame

    folder = Path(folder)
    refuse_tracked(folder)
    Plant(plant)
    if days < 1 or quiet_days < 0:
        option, least = ("--days", 1) if days < 1 else ("--quiet-days", 0)
        raise ConfigurationError(f"{option} {min(days, quiet_days)} is too few; {least} is the least")
    by = decider or champion_decider()
    told = Path(truth) if truth is not None else truth_of(folder)
    kinds: dict[str, str] = {}
    for kind, many in [("quiet", quiet_days)] * bool(quiet_days) + [(plant, days)]:
        options: dict[str, Any] = {**sample, "plant": kind, "days": many, "per_day": per_day, "start": start}
        with marked(folder):
            names = write_stream(folder, told, **options)
        kinds |= dict.fromkeys(names, kind)
        start = dt.date.fromisoformat(names[-1]) + dt.timedelta(days=1)
    leaves = choose_leaves(sample["categories"], sample["branches"], sample["seed"])
    right = read_frame(told).set_index("product_id")["category_id"]
    rows = _decide_days(folder, kinds, right, leaves, by, rates, seed, progress or (lambda _: None))
    return Rehearsed(folder, told, pd.DataFrame(rows), list(kinds))


def _decide_days(
    folder: Path,
    kinds: Mapping[str, str],
    truth: pd.Series,
    leaves: list[Leaf],
    by: Decider,
    rates: Rates,
    seed: int,
    progress: Progress,
) -> list[dict[str, object]]:
    from aisle.catalogue.tables import read_table, write_shard

    crew = Crew(leaves, seed)
    secret = Secret(hashlib.sha256(f"rehearsal {seed}".encode()).hexdigest())
    told = []
    for name, kind in kinds.items():
        products = read_table(folder, "products", shards=[name])
        predictions = _predictions(products, by, rates, secret)
        labels = crew.day(dt.date.fromisoformat(name), predictions, truth)
        write_shard(predictions, "predictions", folder / "predictions" / f"{name}.parquet")
        if len(labels):
            write_shard(labels, "labels", folder / "labels" / f"{name}.parquet")
        automatic = (predictions["decision"] == "auto").to_numpy()
        right = (predictions["category_id"] == predictions["product_id"].map(truth)).to_numpy()
        told.append(
            {
                "day": dt.date.fromisoformat(name),
                "plant": kind,
                "products": len(predictions),
                "automatic": int(automatic.sum()),
                "right": int((right & automatic).sum()),
                "audits": int(predictions["audit_drawn"].sum()),
            }
        )
        progress(len(predictions))
    return told


def _predictions(products: pd.DataFrame, by: Decider, rates: Rates, secret: Secret) -> pd.DataFrame:
    """What the champion says of a day's products, and which of them are drawn."""
    import pandas as pd

    suggested = by.model.suggest(products)
    decided = decide(suggested, by.policy)
    received_on = products["received_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    wanted = rates.within_budget(len(products), suggested.confidence, suggested.branch_id)
    drawn = draw(
        secret,
        products["product_id"].tolist(),
        received_on,
        wanted.of(suggested.confidence, suggested.branch_id),
        rates.blind_share,
        rates.double_share,
    )
    return pd.DataFrame(
        {
            "product_id": products["product_id"],
            "revision": products["revision"],
            "predicted_at": products["received_at"] + _ANSWERED_AFTER,
            "category_id": suggested.category_id,
            "branch_id": suggested.branch_id,
            "confidence": suggested.confidence,
            "threshold": decided.threshold,
            "decision": decided.decision,
            "audit_probability": drawn.audit_probability,
            "audit_drawn": drawn.audit_drawn,
            "blind": drawn.blind,
            "double": drawn.double,
            "model_version": by.version,
            "policy_id": by.policy.policy_id,
        }
    )
