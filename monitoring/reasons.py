"""Why a verdict is not green: one reason for everything that stands out, and what a person does about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from monitoring.accuracy_reasons import accuracy_reasons
from monitoring.gaps import CONTRADICTING, MISSING_DAY, UNKNOWN_MODEL
from monitoring.gaps import many as counted
from monitoring.seeing import of_champion
from monitoring.shifts import accepted
from monitoring.verdict import COLOURS, Colour, Part, Reason
from pipelines.report.words import percent

if TYPE_CHECKING:
    from monitoring.seeing import Seen
    from monitoring.settings import Settings

STEPS = {
    "accuracy.alarm": "Look at who is to blame, and hold automation back while you do: `aisle alarm tighten`, or "
    "`aisle alarm stop`. Then mend the feed, or train again with the audits (`make run`), and promote the version.",
    "accuracy.unknown": "Have the waiting audits answered; draw more where that takes too long (`aisle plan audits`).",
    "accuracy.below": "Read the products that were wrong, and look again tomorrow: the alarm rings by itself if it "
    "lasts and audits are answered within `grace_days`.",
    "accuracy.late_errors": "Hold automation back where this is red (`aisle alarm tighten`); have audits answered "
    "and contradictions settled sooner, or give them longer (`grace_days`, `settle_days`).",
    "accuracy.pending": "Have the contradictions settled: a second person looks at them at the desk.",
    "accuracy.stale": "Find out why audits are not answered, or not drawn (`aisle audit draw`).",
    "accuracy.draws": "Compare `audit_probability` of these predictions with the rates that audits were drawn with: "
    "every figure of the accuracy rests on them.",
    "data.lasting": "Ask who is to blame what changed in their feed. Train again once audits of such products are in.",
    "data.look": "Nothing yet: one odd day is a look. See whether it is there tomorrow.",
    "data.unknown": "Wait for days with more predictions, or look at longer windows.",
    "predictions.lasting": "See whether the products changed, too. If the answers alone did, ask what runs there.",
    "predictions.look": "Nothing yet: one odd day is a look. See whether it is there tomorrow.",
    "predictions.held": "See which brake the desk holds; when the trouble is mended, release it there.",
    "loop.signs": "If the champion was not trained on human labels only (`train.regime: representative`), do so and "
    "promote the new version; until then go by the audits alone.",
    "loop.look": "Read the sign below: what it means and what mends it stands in docs/monitors.md.",
    "window.missing_days": "Find out why predictions are missing (`aisle predictions`), then run this again.",
    "window.stale": "See whether predictions still come in; to judge a day that is long over, name it with `--day`.",
    "window.unknown_model": "Find out what made these predictions; register and promote that model, or take it down.",
    "window.other_model": "Find out why that version decides: promote it, or bring the champion back.",
    "window.contradicting": "Find out which of the shards holds what was decided, and take the other out of "
    "`predictions/`.",
    "window.gaps": "See the gaps below: what is missing there could hide trouble.",
}

_BY_MODEL_LABELS = {  # the step of `loop.signs` where it is known whether any label of the training came from a model
    True: "Train on human labels only (`train.regime: representative`) and promote the new version.",
    False: "Go by the audits alone: labels that the model gave or suggested hide its errors. No label of a "
    "model trained the champion; keep it so when you train again (`train.regime: representative`).",
}

FEW_OTHERS = 0.01  # share of another registered version that may decide beside the champion, as while it is rolled out
FEW_HELD = 0.02  # share of what the policy decides that may go to people all the same


def reasons_of(seen: Seen, settings: Settings, *, asked: bool, today: dt.date) -> list[Reason]:
    """All reasons, the worst first; none when all is well.

    Parameters
    ----------
    asked : bool
        Whether a person named the day; then it may be long over.
    today : date
        Of the clock (UTC).
    """
    found = [*_window(seen, settings, asked, today), *accuracy_reasons(seen, settings)]
    found += [*_shifts(seen), *_held_back(seen), *_loop(seen)]
    return sorted(found, key=lambda one: COLOURS.index(one.colour))


def steps_of(reasons: Sequence[Reason]) -> list[str]:
    """What to do, the most pressing first, each once."""
    return list(dict.fromkeys(_step(one) for one in reasons))


def _step(reason: Reason) -> str:
    share = reason.figures.get("model_labels")
    if reason.code == "loop.signs" and share is not None and np.isfinite(share):
        return _BY_MODEL_LABELS[share > 0]
    return STEPS[reason.code]


def _window(seen: Seen, settings: Settings, asked: bool, today: dt.date) -> Iterator[Reason]:
    window, days = seen.window, len(seen.window.days)
    missing = sum(one.code == MISSING_DAY for one in window.gaps)
    if missing:
        many = missing > settings.most_missing * days
        text = f"{missing} of {days} days {'has' if missing == 1 else 'have'} no predictions" + (
            ": too many to call anything green." if many else "."
        )
        figures = {"missing": missing, "days": days}
        yield Reason("window.missing_days", "window", "unknown" if many else "yellow", text, figures)
    newest = window.rows["day"].max()
    age = ((window.last if asked else today) - newest).days
    if age > (min(1, settings.stale_days) if asked else settings.stale_days):
        since = f"{age:,} days before {window.last}" if asked else f"{age:,} days ago"
        text = f"The last prediction is of {newest}, {since}: of the time since then nothing is known."
        yield Reason("window.stale", "window", "unknown", text, {"last": str(newest), "days": age})
    yield from _other_models(seen)
    apart = [one for one in window.gaps if one.code == CONTRADICTING]
    if apart:
        more = f" (and {counted(len(apart) - 1, 'more gap')} like it)" if len(apart) > 1 else ""
        text = f"{apart[0].text}{more}. What was decided there is not known."
        figures = {"predictions": sum(one.count for one in apart), "gaps": len(apart)}
        yield Reason("window.contradicting", "window", "unknown", text, figures)
    others = [one for one in window.gaps if one.hides and one.code not in (MISSING_DAY, UNKNOWN_MODEL, CONTRADICTING)]
    if others:
        said = others[0].text
        what = f"This and {counted(len(others) - 1, 'more gap')}" if len(others) > 1 else "This"
        text = f"{said}{'' if said.endswith('?') else '.'} {what} could hide trouble."
        yield Reason("window.gaps", "window", "yellow", text, {"gaps": len(others)})


def _other_models(seen: Seen) -> Iterator[Reason]:
    """Who else decides, since the champion does; what was before its first day is a gap with a name, and no more.

    More than half of the predictions since then (all of them, where it decides nothing), or the newest ones without any
    of the champion: then nothing is known of what is decided now.
    """
    import pandas as pd

    rows, reference = seen.window.rows, seen.reference
    mine = of_champion(rows, reference)
    begun = seen.rows["day"].min() if len(seen.rows) else None
    since = np.ones(len(rows), dtype=bool) if begun is None else (rows["day"] > begun).to_numpy(dtype=bool)
    others = rows[since & ~mine]
    if others.empty:
        return
    gone = begun is not None and seen.rows["day"].max() < rows["day"].max()
    unknown = gone or len(others) > 0.5 * since.sum()
    known = others["known_model"].fillna(False).to_numpy(dtype=bool)
    for code, which, chosen in (
        ("window.unknown_model", "a model that the registry does not know", others[~known]),
        ("window.other_model", "another version than the champion", others[known]),
    ):
        share = len(chosen) / since.sum()
        if chosen.empty or (code == "window.other_model" and not unknown and share <= FEW_OTHERS):
            continue
        pairs = chosen.groupby(["model_version", "policy_id"], dropna=False).size().sort_values(ascending=False)
        version, policy = (None if pd.isna(one) else str(one) for one in pairs.index[0])
        text = (
            f"{percent(share)} of the predictions{'' if begun is None else f' since {begun}'} are of {which} "
            f"({_named('version', version)}, {_named('policy', policy)}); the champion is version "
            f"{reference.model_version}, policy {reference.policy_id}"
            f"{', and has decided none of the newest' if gone else ''}."
        )
        figures = {"share": share, "model_version": version, "policy_id": policy, "predictions": len(chosen)}
        yield Reason(code, "window", "unknown" if unknown else "yellow", text, figures)


def _named(what: str, name: str | None) -> str:
    return f"no {what}" if name is None else f"{what} {name}"


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
            often = f"the last {most.days_judged} days taken together" if most.together else often
            told = f"; {most.told}" if most.told else ""
            text = f"{what} are not like those the champion was judged on: {named} ({often}{told})."
            figures: dict[str, Any] = {
                "columns": [one.column for one in columns],
                "names": [one.name for one in columns],
            }
            yield Reason(f"{part}.{code}", "data" if part == "data" else "predictions", colour, text, figures)


def _held_back(seen: Seen) -> Iterator[Reason]:
    """Automatic decisions of the policy that went to people on the newest day, as a brake makes them."""
    newest = seen.rows[(seen.rows["day"] == seen.window.rows["day"].max()).to_numpy(dtype=bool)]
    by_policy = accepted(newest, seen.reference.policy)
    held = int((by_policy & (newest["decision"] == "review").to_numpy(dtype=bool)).sum())
    if held > FEW_HELD * by_policy.sum():
        share = held / int(by_policy.sum())
        text = (
            f"On the last day {percent(share)} of what the policy decides by itself went to people ({held:,} "
            "predictions): a brake holds, or the service does not follow the policy."
        )
        yield Reason("predictions.held", "predictions", "yellow", text, {"share": share, "predictions": held})


def _loop(seen: Seen) -> Iterator[Reason]:
    signs = seen.signs
    if signs.colour not in ("red", "yellow"):
        return
    there = [one for one in signs.signs if one.sign]
    figures = {"signs": [one.name for one in there], "model_labels": signs.of("training").value}
    yield Reason("loop.signs" if signs.colour == "red" else "loop.look", "loop", signs.colour, signs.text, figures)
