"""Each sign of a loop, measured; what they mean together is judged in `judging`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.agreement import Share, exact_share, suggestion_effect
from aisle.audit.blame.errors import excess_p_value
from aisle.audit.estimates import Estimate, audit_sums, estimate
from aisle.audit.loop.trends import LEAST_DAYS, Growing, growing_categories, slope

if TYPE_CHECKING:
    import pandas as pd

LEAST_AUDITS = 30
LEAST_SHOWN = 20  # audits with the suggestion, and as many without
NAN = float("nan")


@dataclass(frozen=True)
class Sign:
    """One sign.

    Attributes
    ----------
    name : str
        See the module.
    value, low, high : float
        The figure and its 95 % interval; nan where there is nothing to measure.
    p_value : float or None
        Of "there is no such sign"; None where no chance is involved.
    sign : bool or None
        Whether it is there; None: unknown, there is too little to tell.
    text : str
        A sentence for people.
    """

    name: str
    value: float
    low: float
    high: float
    p_value: float | None
    sign: bool | None
    text: str


def labels_of(rows: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Answered labels of the window's products, with the `decision` and `decided` category of each."""
    first = rows.drop_duplicates("product_id")[["product_id", "decision", "category_id"]]
    answered = labels[(labels["status"] == "answered").to_numpy()]
    return answered.merge(first.rename(columns={"category_id": "decided"}), on="product_id", how="inner")


def audited_accuracy(auto: pd.DataFrame) -> Estimate:
    """Of automatic decisions, from audits."""
    probability = auto["audit_probability"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(probability)
    drawn = known & (auto["state"].to_numpy() >= 0)
    smallest = float(probability[known].min()) if known.any() else 1.0
    return estimate(audit_sums(auto["state"].to_numpy()[drawn], probability[drawn], smallest))


def apparent_accuracy(named: pd.DataFrame) -> Share:
    """What one would believe who trusts every label: agreement with automatic decisions of labels that the model gave
    itself, or people with its suggestion in view."""
    auto = named[(named["decision"] == "auto").to_numpy()]
    led = auto[((auto["origin"] == "model") | auto["suggested_category_id"].notna()).to_numpy()]
    return exact_share(int((led["category_id"] == led["decided"]).sum()), len(led))


def illusion(apparent: Share, audited: Estimate, audits: pd.DataFrame, target: float, level: float) -> Sign:
    """Whether the model's own labels say that the promise is kept, and audits that it is not."""
    gap = apparent.value - audited.accuracy
    low = gap - np.hypot(apparent.value - apparent.low, audited.high - audited.accuracy)
    high = gap + np.hypot(apparent.high - apparent.value, audited.accuracy - audited.low)
    if audited.answered < LEAST_AUDITS or not apparent.count:
        lacking = f"{audited.answered} audits of automatic decisions are answered, {LEAST_AUDITS} are needed"
        what = lacking if audited.answered < LEAST_AUDITS else "no label shows what the model says of itself"
        return Sign("illusion", gap, -1.0, 1.0, None, None, f"Apparent against audited accuracy is not known: {what}.")
    weight, wrong = (audits[one].to_numpy(dtype=np.float64) for one in ("weight", "error"))
    sums = (weight.sum(), weight @ wrong, weight @ weight, weight**2 @ wrong)
    p_value = float(excess_p_value(len(audits), *sums, weight.max(), 1 - target))
    there = bool(apparent.low >= target and p_value <= level)
    believed = f"{_percent(apparent.value)} of {apparent.count:,} labels that the model gave or suggested agree with it"
    truth = (
        f"audits say {_percent(audited.accuracy)} ({_percent(audited.low)} to {_percent(audited.high)}, "
        f"{audited.answered:,} audits), promised are {_percent(target)}"
    )
    return Sign("illusion", gap, float(low), float(high), p_value, there, f"{believed}; {truth}.")


def training(facts: Mapping[str, Any] | None) -> Sign:
    """How many of the champion's training labels came from a model; any is a cause of a loop."""
    origins: Mapping[str, Any] = (facts or {}).get("by_origin") or {}
    total = sum(origins.values())
    if not total:
        return Sign("training", NAN, NAN, NAN, None, None, "Where the training labels came from is not known.")
    share = origins.get("model", 0) / total
    text = f"{_percent(share)} of the champion's {total:,} training labels came from a model."
    return Sign("training", share, share, share, None, share > 0, text)


def window_labels(named: pd.DataFrame) -> Sign:
    """The same among the labels of the window: what a next model could learn from. No sign by itself."""
    hits = int((named["origin"] == "model").sum())
    share = exact_share(hits, len(named))
    if not len(named):
        return Sign("window_labels", NAN, NAN, NAN, None, None, "The window has no labels.")
    text = f"{_percent(share.value)} of the window's {len(named):,} labels came from a model."
    return Sign("window_labels", share.value, share.low, share.high, None, False, text)


def trend(audits: pd.DataFrame, auto: pd.DataFrame, level: float) -> Sign:
    """Confidence that rises over the days while audited accuracy falls; the figure is how far they came apart."""
    days = np.unique(auto["day"].astype(str))
    if days.size < LEAST_DAYS or len(audits) < LEAST_AUDITS or audits["day"].nunique() < LEAST_DAYS:
        lacking = f"{days.size} days and {len(audits)} audits; {LEAST_DAYS} and {LEAST_AUDITS} are needed"
        return Sign("trend", NAN, NAN, NAN, None, None, f"Trends are not known: {lacking}.")
    day, audit_day = (_number(one["day"]) for one in (auto, audits))
    confidence = slope(day, auto["confidence"].to_numpy(dtype=np.float64), np.ones(len(auto)))
    errors = slope(audit_day, audits["error"].to_numpy(dtype=np.float64), audits["weight"].to_numpy())
    p_value = max(confidence.p_value, errors.p_value)
    apart = confidence.change + errors.change
    reach = np.hypot(confidence.high - confidence.change, errors.high - errors.change)
    text = (
        f"Over {days.size} days the mean confidence changed by {100 * confidence.change:+.1f} points "
        f"({100 * confidence.low:+.1f} to {100 * confidence.high:+.1f}), the audited accuracy by "
        f"{-100 * errors.change:+.1f} ({-100 * errors.high:+.1f} to {-100 * errors.low:+.1f})."
    )
    return Sign("trend", apart, apart - float(reach), apart + float(reach), p_value, p_value <= level, text)


def growing(auto: pd.DataFrame, audits: pd.DataFrame, limit: float, reference: pd.DataFrame | None) -> list[Growing]:
    """See `growing_categories`; before is the reference, or the first half of the window's days."""
    now = auto
    if reference is not None:
        automatic = (reference["decision"] == "auto").to_numpy() if "decision" in reference else slice(None)
        before = reference[automatic]
    else:
        days = np.unique(auto["day"].astype(str))
        late = (auto["day"].astype(str) >= (days[days.size // 2] if days.size else "")).to_numpy()
        before, now = auto[~late], auto[late]
    weight = (
        before["weight"].to_numpy(dtype=np.float64)
        if "weight" in before and reference is not None
        else np.ones(len(before))
    )
    columns = (one["category_id"].astype(str).to_numpy(dtype=object) for one in (before, now, audits))
    old, new, audited = columns
    return growing_categories(
        old, weight, new, audited, audits["error"].to_numpy(dtype=np.float64), audits["weight"].to_numpy(), limit
    )


def growing_sign(categories: Sequence[Growing], level: float) -> Sign:
    """How many categories grow by their own decisions."""
    if not categories:
        return Sign("growing", NAN, NAN, NAN, None, None, "Growing categories are not known: too few audits.")
    there = [one for one in categories if one.q_value <= level]
    text = f"None of {len(categories)} audited categories grows while audits contradict."
    if there:
        most = there[0]
        text = (
            f"{len(there)} of {len(categories)} audited categories grow while audits contradict, first "
            f"{most.category_id}: {_percent(most.share_before)} of automatic decisions before, "
            f"{_percent(most.share)} now, {most.error:.0%} of {most.audits} audits say it is wrong."
        )
    count = float(len(there))
    return Sign("growing", count, count, float(len(categories)), categories[0].q_value, bool(there), text)


def shown(rows: pd.DataFrame, named: pd.DataFrame, level: float) -> Sign:
    """Whether audits agree more where the suggestion is shown; of each product the first answer counts."""
    audits = named[(named["origin"] == "audit").to_numpy()]
    if "labelled_at" in audits:
        audits = audits.sort_values("labelled_at", kind="stable")
    first = audits.drop_duplicates("product_id")
    agreed = (first["category_id"] == first["decided"]).to_numpy()
    seen = first["suggested_category_id"].notna().to_numpy()
    effect = suggestion_effect(
        int((agreed & seen).sum()), int(seen.sum()), int((agreed & ~seen).sum()), int((~seen).sum())
    )
    if min(effect.shown.count, effect.blind.count) < LEAST_SHOWN:
        lacking = (
            f"{effect.shown.count} audits with a suggestion and {effect.blind.count} without; {LEAST_SHOWN} are needed"
        )
        return Sign(
            "shown", effect.difference.value, -1.0, 1.0, None, None, f"What showing does is not known: {lacking}."
        )
    text = (
        f"Audits agree in {_percent(effect.shown.value)} of {effect.shown.count} cases where the suggestion is shown, "
        f"in {_percent(effect.blind.value)} of {effect.blind.count} where it is not."
    )
    difference = effect.difference
    there = effect.calibrate_on_blind(level=1 - level)
    return Sign("shown", difference.value, difference.low, difference.high, effect.p_value, there, text)


def _number(day: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Days as numbers, from the first one of any frame."""
    import pandas as pd

    return (pd.to_datetime(day.astype(str)).to_numpy(dtype="datetime64[D]").astype(np.int64)).astype(np.float64)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
