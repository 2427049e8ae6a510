"""The one line of a verdict: how right, how sure, what stands out most, who."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from monitoring.verdict import Reason, colour_of
from monitoring.words import slice_
from pipelines.report.words import interval, percent

if TYPE_CHECKING:
    from monitoring.seeing import Seen


def summary(seen: Seen, reasons: Sequence[Reason], blame: Sequence[Mapping[str, Any]]) -> str:
    """The line, without the colour; `reasons` the worst first, `blame` as of the verdict."""
    colour = colour_of(reasons)
    parts = [_accuracy(seen)]
    parts += [_in_short(one) for one in reasons if one.colour == colour and one.code != "accuracy.alarm"][:2]
    if any(one.code == "accuracy.alarm" for one in reasons):
        assert seen.watch is not None
        parts.insert(1, f"the alarm rang at audit {seen.watch.alarm.alarm_at:,} ({seen.watch.alarm_day})")
    if colour == "red" and blame:
        alone = next((one for one in blame if one["column"] != "all"), None)
        share = percent(alone["share_explained"], 0) if alone else ""
        parts.append(f"{slice_(alone, {})} explains {share} of it" if alone else "nobody stands out")
    return "; ".join(parts) + "."


def right(seen: Seen) -> str:
    """How many are right, as a range while contradictions wait that could change it: `91.2 %`, `91.2 % to 100 %`."""
    found = seen.accuracy.estimate
    least, most = percent(found.if_pending_wrong), percent(found.accuracy)
    return most if least == most else f"{least} to {most}"


def _accuracy(seen: Seen) -> str:
    found, target = seen.accuracy.estimate, f"{100 * seen.accuracy.target:g} %"
    if not found.answered:
        return f"no audit of the champion's automatic decisions is answered, {target} are promised"
    ends = {"low": found.low, "high": found.high}
    said = right(seen)
    waiting = f", {_contradicted(found.pending)} not settled" if " to " in said else ""
    return (
        f"{said} of automatic decisions are right ({interval(ends)}, {found.answered:,} audits{waiting}), "
        f"{target} are promised"
    )


def _contradicted(count: int) -> str:
    return f"{count:,} contradiction{'' if count == 1 else 's'}"


def _in_short(reason: Reason) -> str:
    """A reason in a few words."""
    figures = reason.figures
    share = percent(figures.get("share"), 0)
    said = {
        "accuracy.unknown": _needed_in_short(figures),
        "accuracy.below": "below the promise without an alarm",
        "accuracy.late_errors": "errors that came late would have rung the alarm"
        if reason.colour == "red"
        else "errors that came late",
        "accuracy.pending": f"{_contradicted(figures.get('pending', 0))} wait to be settled",
        "accuracy.stale": f"no audit answered for {figures.get('days')} days",
        "accuracy.draws": "the draws of audits do not fit their probabilities",
        "window.unknown_model": f"{share} of the predictions are of a model that the registry does not know",
        "window.other_model": f"{share} of the predictions are of a version that is not the champion",
        "window.missing_days": f"{figures.get('missing')} of {figures.get('days')} days "
        f"{'has' if figures.get('missing') == 1 else 'have'} no predictions",
        "window.stale": f"the last prediction is {figures.get('days')} days old",
        "window.contradicting": "predictions contradict each other",
        "window.gaps": f"{figures.get('gaps')} {'gap' if figures.get('gaps') == 1 else 'gaps'} could hide trouble",
        "data.unknown": "too few predictions a day to judge shifts",
        "predictions.held": f"{share} of what the policy decides goes to people",
        "loop.signs": "the model's own labels hide it"
        if "illusion" in figures.get("signs", ())
        else "the model feeds on itself",
        "loop.look": "a sign of the loop",
    }
    if reason.code in said:
        return said[reason.code]
    part = "products" if reason.part == "data" else "predictions"
    what = "a lasting shift" if reason.colour == "red" else "an odd day"
    return f"{what} of {part} ({', '.join(figures['names'][:3])})"


def _needed_in_short(figures: Mapping[str, Any]) -> str:
    needed, days = figures.get("audits_needed"), figures.get("days_needed")
    if needed is None:
        return "not known, and audits alone will not show it"
    return f"not known: {needed:,} more audits are needed" + (f", {days:,} days" if days else "")
