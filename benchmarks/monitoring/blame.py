"""Does the slice that went wrong stand first? Changes planted into windows that are like the sample's flow.

    python -m benchmarks.monitoring --only blame [--quick]

Windows are drawn from the sample's predictions, so that sellers, branches and categories overlap as they do there:
14 or 28 days of 60 to 300 automatic decisions, audited at probabilities ten-fold apart (more where the model is
unsure) that come to 10 % on average. In health 4 % are wrong, more where the confidence is low and in some branches;
promised are 95 %. Then one slice goes wrong (a seller, a branch, a category, a day, a model version that takes over or
is tried on some), by so much that 2 to 8 of 100 decisions more are wrong, where the slice is large enough; or the
products shift (a new seller, a seller whose titles are cut, a category that grows). What counts are windows in which
an overall alarm rings; the planted slice, or one of the very same audits, has to stand first, and be blamed for all of
the window. In `… since` it goes wrong, or comes, only since a day with three days at least on both sides: the slice has
to stand first, and how often its day is named to within two days is a figure of its own.

Last, `aisle rehearse` lets three pairs of frequent categories change names for six days, the champion of the registry
decides, and `aisle monitor` judges: since that day, and which categories?
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp
from tqdm import tqdm

from aisle.audit.blame import Blamed, blame_errors, blame_shift, excess_p_value
from aisle.audit.blame.slices import slice_name
from aisle.audit.expected import expected_errors
from aisle.catalogue.tables import latest_revisions, read_frame, read_table
from benchmarks.results import Result

DATA = Path(__file__).resolve().parents[2] / "data"
LEAST_CONFIDENCE = 0.79  # as a champion decides that promises 93 %
TARGET, HEALTHY = 0.95, 0.04
REFERENCE_ROWS = 1_500
ERRORS = ("seller", "branch_id", "category_id", "day", "model_version")
SHIFTS = ("new seller", "cut titles", "growing category")
SINCE = ("seller since", "branch_id since", "category_id since", "new seller since", "cut titles since")
EDGE = 3  # days of the window before and after which nothing begins
NEAR = 2  # days
SWAPS, QUICK_SWAPS, QUIET_DAYS, SWAPPED_DAYS = 6, 1, 14, 6
PLANTED, QUICK_PLANTED = 100, 20  # of each kind
QUIET, QUICK_QUIET = 600, 100
LEAST_SHARE = 0.02
SIZES = ((28, 60), (14, 150), (28, 150), (14, 300), (28, 300))  # days, and automatic decisions a day
COLUMNS = ("title_length", "description_length", "log_price", "confidence")


class Window(NamedTuple):
    """Rows of the window with what blame needs, the reference, and the planted slice (none: nothing was planted)."""

    rows: pd.DataFrame
    reference: pd.DataFrame
    planted: tuple[str, str] | None = None
    since: pd.Timestamp | None = None


def flow() -> pd.DataFrame:
    """Automatic decisions of the sample, with the chance of each of being wrong in health."""
    products = latest_revisions(read_table(DATA, "products"))
    rows = read_table(DATA, "predictions").merge(products.drop(columns=["revision", "shard"]), on="product_id")
    rows = rows[(rows["confidence"] >= LEAST_CONFIDENCE).to_numpy()].reset_index(drop=True)
    branch = pd.factorize(rows["branch_id"], sort=True)[0]
    factor = np.random.default_rng(3).permutation(np.linspace(0.5, 2, branch.max() + 1))[branch]
    error = (1 - rows["confidence"].to_numpy() + 0.02) * factor
    unsure = rows["confidence"].rank(ascending=False, pct=True).to_numpy()
    probability = 10.0**unsure
    rows = rows.assign(
        title_length=rows["title"].str.len().astype(float),
        description_length=rows["description"].fillna("").str.len().astype(float),
        log_price=np.log(rows["price"].astype(float)),
        chance=error * HEALTHY / error.mean(),
        audit_probability=0.1 * probability / probability.mean(),
    )
    return rows[["seller", "branch_id", "category_id", "chance", "audit_probability", *COLUMNS]]


def drawn(rows: pd.DataFrame, many: int, rng: np.random.Generator, days: int) -> pd.DataFrame:
    """`many` rows of the flow, spread over days, of which the second model version decided none yet."""
    taken = rows.iloc[rng.integers(0, len(rows), many)].reset_index(drop=True)
    day = pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, days, many), unit="D")
    return taken.assign(product_id=[f"p{one}" for one in range(many)], day=day, model_version="1")


def held_out(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    taken = rows.iloc[rng.integers(0, len(rows), REFERENCE_ROWS)].reset_index(drop=True)
    return taken.assign(right=rng.random(REFERENCE_ROWS) >= taken["chance"].to_numpy(), weight=1.0, model_version="1")


def quiet(rows: pd.DataFrame, rng: np.random.Generator) -> Window:
    days, a_day = SIZES[rng.integers(0, len(SIZES))]
    return Window(drawn(rows, days * a_day, rng, days), held_out(rows, rng))


def with_errors(rows: pd.DataFrame, kind: str, rng: np.random.Generator) -> Window | None:
    """One slice goes wrong; None where it is too small for that."""
    kind, later = kind.removesuffix(" since"), kind.endswith("since")
    window, reference, *_ = quiet(rows, rng)
    began = onset(window, rng) if later else None
    if kind == "model_version":
        since = window["day"] >= rng.choice(np.sort(window["day"].unique())[3:-1])
        tried = rng.random(len(window)) < rng.uniform(0.1, 0.4)
        window["model_version"] = np.where(since if rng.random() < 0.5 else tried, "2", "1")
    share = window[kind].value_counts(normalize=True)
    share = share.drop("1") if kind == "model_version" else share[share >= LEAST_SHARE]
    value = share.index[rng.integers(0, len(share))]
    inside = (window[kind] == value) & ((window["day"] >= began) if later else True)
    more = rng.uniform(0.02, 0.08) / inside.mean()
    if more > 0.95:
        return None
    chance = window["chance"] + np.where(inside, more, 0)
    shown = str(value)[:10] if kind == "day" else str(value)
    return Window(window.assign(chance=chance.clip(upper=0.99)), reference, (kind, shown), began)


def onset(window: pd.DataFrame, rng: np.random.Generator) -> pd.Timestamp:
    """A day on which something begins."""
    return pd.Timestamp(rng.choice(np.sort(window["day"].unique())[EDGE:-EDGE]))


def with_shift(rows: pd.DataFrame, kind: str, rng: np.random.Generator) -> Window:
    """Products are no longer like the reference."""
    kind, later = kind.removesuffix(" since"), kind.endswith("since")
    window, reference, *_ = quiet(rows, rng)
    began = onset(window, rng) if later else None
    changed = window["day"] >= began if later else pd.Series(True, index=window.index)
    if kind == "new seller":
        taken = changed & (rng.random(len(window)) < rng.uniform(0.02, 0.15))
        some = rng.choice(window["branch_id"].unique(), 3, replace=False)
        window["seller"] = np.where(taken & window["branch_id"].isin(some), "Newcomer", window["seller"])
        return Window(window, reference, ("seller", "Newcomer"), began)
    column = "seller" if kind == "cut titles" else "category_id"
    share = window[column].value_counts(normalize=True)
    share = share[share >= LEAST_SHARE]
    value = str(share.index[rng.integers(0, len(share))])
    inside = window[column] == value
    if kind == "cut titles":
        length = window["title_length"]
        window["title_length"] = np.where(inside & changed, np.minimum(length, rng.integers(12, 25)), length)
    else:
        keep = inside.to_numpy() | (rng.random(len(window)) < 1 / rng.uniform(1.5, 4))
        window = window[keep].reset_index(drop=True)
    return Window(window, reference, (column, value), began)


def audits_of(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    taken = window[rng.random(len(window)) < window["audit_probability"].to_numpy()].reset_index(drop=True)
    return taken.assign(
        error=rng.random(len(taken)) < taken["chance"].to_numpy(), weight=1 / taken["audit_probability"]
    )


def rings(audits: pd.DataFrame) -> bool:
    """Whether the audits of the window say at 5 % that the promise is broken."""
    weight, error = audits["weight"].to_numpy(), audits["error"].to_numpy(dtype=np.float64)
    sums = (weight.sum(), weight @ error, weight @ weight, weight**2 @ error)
    return bool(excess_p_value(len(audits), *sums, weight.max(), 1 - TARGET) <= 0.05)


def shifted(window: Window) -> bool:
    """Whether sellers, categories, or lengths of titles differ from the reference at 1 in 1,000."""
    p_values = [ks_2samp(window.reference["title_length"], window.rows["title_length"]).pvalue]
    for column in ("seller", "category_id"):
        counts = [one[column].value_counts() for one in (window.reference, window.rows)]
        p_values.append(chi2_contingency(pd.concat(counts, axis=1).fillna(0).to_numpy()).pvalue)
    return min(p_values) <= 0.001 / 3


def stands_first(found: list[Blamed], window: Window) -> str:
    """`first`, `same` (the very same rows under another name), `later`, or `missing`."""
    places = [(one.column, one.value) == window.planted for one in found]
    lasting = bool(found) and not found[0].since and not found[0].within
    if places and places[0] and (lasting or window.since is not None):
        return "first"
    if found and slice_name(*window.planted) in found[0].same:
        return "same"
    return "later" if any(places) else "missing"


def dated(found: list[Blamed], window: Window) -> bool:
    """Whether the first slice is blamed since about the planted day."""
    return bool(found and found[0].since) and abs((pd.Timestamp(found[0].since) - window.since).days) <= NEAR


def errors_found(window: Window, rng: np.random.Generator) -> tuple[bool, list[Blamed], list[Blamed]]:
    """Whether the alarm rings, who is blamed against the reference, and who against the promise alone."""
    audits = audits_of(window.rows, rng)
    found = blame_errors(audits, expected_errors(audits, window.reference))
    return rings(audits), found, blame_errors(audits, 1 - TARGET)


def measured(quick: bool) -> list[Result]:
    """All figures: the share that stands first, by kind, and slices blamed where nothing was planted."""
    rng, rows = np.random.default_rng(6), flow()
    many, still = (QUICK_PLANTED, QUICK_QUIET) if quick else (PLANTED, QUIET)
    outcomes: dict[str, Counter[str]] = {}
    plain: Counter[str] = Counter()
    days: list[bool] = []
    for kind in tqdm((*ERRORS, *SHIFTS, *SINCE), unit="kind", desc="blame", disable=None):
        outcomes[kind] = Counter()
        while sum(outcomes[kind].values()) < many:
            if kind.removesuffix(" since") in SHIFTS:
                window: Any = with_shift(rows, kind, rng)
                if not shifted(window):
                    continue
                found = blame_shift(window.reference, window.rows, COLUMNS)
            else:
                window = with_errors(rows, kind, rng)
                if window is None:
                    continue
                red, found, by_promise = errors_found(window, rng)
                if not red:
                    continue
                plain[stands_first(by_promise, window)] += 1
            outcomes[kind][stands_first(found, window)] += 1
            if window.since is not None:
                days.append(dated(found, window))
    blamed = [errors_found(quiet(rows, rng), rng)[1:] for _ in range(still)]
    moved = [blame_shift(one.reference, one.rows, COLUMNS) for one in (quiet(rows, rng) for _ in range(still // 4))]
    total: Counter[str] = sum(outcomes.values(), Counter())
    found_rows = [
        Result("blame.first", "share of planted changes whose slice stands first", _first(total), "share", "≥ 0.90"),
        Result("blame.planted", "changes planted and alarmed", float(total.total()), "windows"),
        Result("blame.first_promise", "errors against the promise alone, without a reference", _first(plain), "share"),
        Result("blame.same", "of these, first under another name of its rows", total["same"] / total.total(), "share"),
        Result("blame.dated", f"since a day: it is named, to within {NEAR} days", float(np.mean(days)), "share"),
        *swapped_categories(QUICK_SWAPS if quick else SWAPS),
    ]
    for kind, counts in outcomes.items():
        name = kind.replace(" ", "_")
        found_rows.append(Result(f"blame.first.{name}", f"first, {kind} planted", _first(counts), "share"))
    false = "quiet windows in which a slice is blamed"
    of_errors = float(np.mean([bool(one) for one, _ in blamed]))
    of_promise = float(np.mean([bool(one) for _, one in blamed]))
    of_shift = float(np.mean([bool(one) for one in moved]))
    return [
        *found_rows,
        Result("blame.false_errors", f"{false}, for errors", round(of_errors, 4), "share", "≤ 0.10"),
        Result("blame.false_promise", f"{false}, for errors, against the promise alone", round(of_promise, 4), "share"),
        Result("blame.false_shift", f"{false}, for a shift", round(of_shift, 4), "share", "≤ 0.10"),
    ]


def swapped_categories(seeds: int) -> list[Result]:
    """What the monitor blames when pairs of categories change names since a day."""
    firsts, named, first_day = [], [], None
    for seed in range(seeds):
        blame, pairs, first_day = swapped(seed)
        categories = {one for pair in pairs for one in pair}
        said = {one["value"] for one in blame[:6]} | {name for one in blame[:6] for name, _ in one["answers"][:1]}
        firsts.append(bool(blame) and blame[0]["since"] == first_day and blame[0]["value"] in {*categories, first_day})
        named.append(len(categories & said) / len(categories))
    which = "categories that changed names since a day"
    return [
        Result(
            "blame.swapped_first",
            f"{which}: one of them, since that day, stands first",
            float(np.mean(firsts)),
            "share",
        ),
        Result(
            "blame.swapped_named",
            f"{which}: named by the first six, or as their answer",
            float(np.mean(named)),
            "share",
        ),
    ]


def swapped(seed: int) -> tuple[list[dict[str, Any]], list[tuple[str, str]], str]:
    """Who is blamed, which pairs of categories changed names, and since when."""
    from monitoring.judging import judge
    from monitoring.rehearsal import champion_decider, rehearse_apart
    from monitoring.settings import Settings

    with tempfile.TemporaryDirectory(prefix="aisle-blame-") as made:
        options = {"days": SWAPPED_DAYS, "quiet_days": QUIET_DAYS, "plant": "swapped_categories", "per_day": 300}
        done = rehearse_apart(DATA, Path(made) / "data", seed=seed, decider=champion_decider(), **options)
        last = dt.date.fromisoformat(done.shards[-1])
        blame = judge(done.folder, Settings(), day=last).verdict.as_table()["blame"]
        truth = read_frame(done.truth).set_index("product_id")["category_id"]
        rows = read_table(done.folder, "predictions", shards=done.shards[-SWAPPED_DAYS:])
    rows["true"] = rows["product_id"].map(truth)
    wrong = rows[(rows["true"] != rows["category_id"]) & (rows["decision"] == "auto")]
    pairs = Counter(tuple(sorted(one)) for one in wrong[["category_id", "true"]].itertuples(index=False))
    return blame, [pair for pair, _ in pairs.most_common(3)], str(last - dt.timedelta(days=SWAPPED_DAYS - 1))


def _first(counts: Counter[str]) -> float:
    return round((counts["first"] + counts["same"]) / counts.total(), 4)
