"""Why a verdict is not green: one reason for everything that stands out, and what a person does about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from monitoring import words
from monitoring.gaps import MISSING_DAY
from monitoring.verdict import COLOURS, Colour, Part, Reason
from pipelines.report.words import exact, interval, percent

if TYPE_CHECKING:
    from monitoring.seeing import Seen
    from monitoring.settings import Settings

STEPS = {
    "accuracy.alarm": "Look at who is to blame, and hold automation back while you do: `aisle alarm tighten`, or "
    "`aisle alarm stop`. Then mend the feed, or train again with the audits (`make run`), and promote the version.",
    "accuracy.unknown": "Have the waiting audits answered; draw more where that takes too long (`aisle plan audits`).",
    "accuracy.below": "Look again tomorrow: the alarm rings by itself if it lasts. Read the products that were wrong.",
    "accuracy.late_errors": "Have contradicted audits confirmed sooner, or give them longer (`grace_days`).",
    "data.lasting": "Ask who is to blame what changed in their feed. Train again once audits of such products are in.",
    "data.look": "Nothing yet: one odd day is a look. See whether it is there tomorrow.",
    "data.unknown": "Wait for days with more predictions, or look at longer windows.",
    "predictions.lasting": "See whether the products changed, too. If the answers alone did, ask what runs there.",
    "predictions.look": "Nothing yet: one odd day is a look. See whether it is there tomorrow.",
    "loop.signs": "Train on human labels only (`train.regime: representative`) and promote the new version.",
    "loop.look": "Read the sign below: what it means and what mends it stands in docs/monitors.md.",
    "window.missing_days": "Find out why predictions are missing (`aisle predictions`), then run this again.",
    "window.stale": "See whether predictions still come in; to judge a day that is long over, name it with `--day`.",
    "window.unknown_model": "Find out what made these predictions; register and promote that model, or take it down.",
    "window.gaps": "See the gaps below: what is missing there could hide trouble.",
}


def reasons_of(seen: Seen, settings: Settings, *, asked: bool, today: dt.date) -> list[Reason]:
    """All reasons, the worst first; none when all is well.

    Parameters
    ----------
    asked : bool
        Whether a person named the day; then it may be long over.
    today : date
        Of the clock (UTC).
    """
    found = [*_window(seen, settings, asked, today), *_accuracy(seen), *_shifts(seen), *_loop(seen)]
    return sorted(found, key=lambda one: COLOURS.index(one.colour))


def steps_of(reasons: Sequence[Reason]) -> list[str]:
    """What to do, the most pressing first, each once."""
    return list(dict.fromkeys(STEPS[one.code] for one in reasons))


def _window(seen: Seen, settings: Settings, asked: bool, today: dt.date) -> Iterator[Reason]:
    window, days = seen.window, len(seen.window.days)
    missing = sum(one.code == MISSING_DAY for one in window.gaps)
    if missing > settings.most_missing * days:
        text = f"{missing} of {days} days have no predictions: too many to call anything green."
        yield Reason("window.missing_days", "window", "unknown", text, {"missing": missing, "days": days})
    age = (today - window.last).days
    if not asked and age > settings.stale_days:
        text = f"The last prediction is of {window.last}, {age:,} days ago: of the time since then nothing is known."
        yield Reason("window.stale", "window", "unknown", text, {"last": str(window.last), "days": age})
    if len(seen.rows) < len(window.rows):
        yield from _other_models(seen)
    others = [one for one in window.gaps if one.hides and one.code not in (MISSING_DAY, "unknown_model")]
    if others:
        more = f", and {len(others) - 1} more gaps" if len(others) > 1 else ""
        text = f"{others[0].text}{more}: this could hide trouble."
        yield Reason("window.gaps", "window", "yellow", text, {"gaps": len(others)})


def _other_models(seen: Seen) -> Iterator[Reason]:
    """Predictions of a model that the registry does not know, since the champion decides; earlier ones are past."""
    unknown = seen.window.rows[~seen.window.rows["known_model"].fillna(False).to_numpy(dtype=bool)]
    if len(seen.rows):
        unknown = unknown[(unknown["day"] > seen.rows["day"].min()).to_numpy(dtype=bool)]
    if unknown.empty:
        return
    pairs = unknown.groupby(["model_version", "policy_id"], dropna=False).size().sort_values(ascending=False)
    version, policy = (str(one) for one in pairs.index[0])
    share = len(unknown) / len(seen.window.rows)
    text = (
        f"{percent(share)} of the predictions are of a model that the registry does not know (version {version}, "
        f"policy {policy}); the champion is version {seen.reference.model_version}, policy {seen.reference.policy_id}."
    )
    figures = {"share": share, "model_version": version, "policy_id": policy, "predictions": len(unknown)}
    yield Reason("window.unknown_model", "window", "unknown" if share > 0.5 else "yellow", text, figures)


def _accuracy(seen: Seen) -> Iterator[Reason]:
    accuracy, watch = seen.accuracy, seen.watch
    found, target = accuracy.estimate, exact(accuracy.target)
    figures = {name: accuracy.as_table()[name] for name in ("accuracy", "low", "high", "answered", "wrong", "target")}
    if watch is not None and watch.alarm.alarmed:
        text = (
            f"The error among automatic decisions is above what {target} allows: the alarm rang at audit "
            f"{watch.alarm.alarm_at:,} ({watch.alarm_day}). By all audits of these days {percent(found.accuracy)} are "
            f"right ({interval(figures)}, {found.answered:,} audits)."
        )
        yield Reason("accuracy.alarm", "accuracy", "red", text, figures | {"alarm_day": str(watch.alarm_day)})
    elif not accuracy.known:
        head = f"{percent(found.accuracy)} of {found.answered:,} audits" if found.answered else "No audit"
        text = (
            f"{head} of automatic decisions {'were right' if found.answered else 'is answered'}: too little to know "
            f"whether {target} hold. {words.needed(accuracy.as_table())}"
        )
        needed = {"audits_needed": accuracy.audits_needed, "days_needed": accuracy.days_needed}
        yield Reason("accuracy.unknown", "accuracy", "unknown", text, figures | needed)
    if found.answered and found.accuracy < accuracy.target and not (watch is not None and watch.alarm.alarmed):
        text = (
            f"Audits read {percent(found.accuracy)} ({interval(figures)}, {found.answered:,} audits), below the "
            f"{target} promised; that may be chance, for the alarm is silent."
        )
        yield Reason("accuracy.below", "accuracy", "yellow", text, figures)
    if watch is not None and watch.closed is not None and watch.closed.late_errors:
        late = watch.closed.late_errors
        text = f"{late:,} errors were confirmed after their day was closed: counted in the accuracy, not in the alarm."
        yield Reason("accuracy.late_errors", "accuracy", "yellow", text, {"late_errors": late})


def _shifts(seen: Seen) -> Iterator[Reason]:
    shifts = seen.shifts
    if not shifts.judged:
        yield Reason("data.unknown", "data", "unknown", f"Shifts are not judged: {shifts.why}.", {})
        return
    parts: tuple[tuple[Part, str], ...] = (("data", "Products"), ("predictions", "Predictions"))
    states: tuple[tuple[str, str, Colour], ...] = (("alarm", "lasting", "red"), ("look", "look", "yellow"))
    for part, what in parts:
        for state, code, colour in states:
            columns = [one for one in shifts.columns if one.part == part and one.state == state]
            if not columns:
                continue
            named = ", ".join(one.name for one in columns[:4]) + (
                f" and {len(columns) - 4} more" if columns[4:] else ""
            )
            most = columns[0]
            often = f"{most.days_shifted} of the last {most.days_judged} days"
            often += ", the latest among them" if code == "lasting" else ""
            told = f"; {most.told}" if most.told else ""
            text = f"{what} are not like those the champion was judged on: {named} ({often}{told})."
            figures: dict[str, Any] = {
                "columns": [one.column for one in columns],
                "names": [one.name for one in columns],
            }
            yield Reason(f"{part}.{code}", "data" if part == "data" else "predictions", colour, text, figures)


def _loop(seen: Seen) -> Iterator[Reason]:
    signs = seen.signs
    if signs.colour not in ("red", "yellow"):
        return
    there = [one for one in signs.signs if one.sign]
    figures = {"signs": [one.name for one in there]}
    yield Reason("loop.signs" if signs.colour == "red" else "loop.look", "loop", signs.colour, signs.text, figures)
