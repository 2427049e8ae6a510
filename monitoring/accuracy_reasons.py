"""Why a verdict is not green: what audits and the alarm say of automatic decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monitoring import words
from monitoring.gaps import many
from monitoring.summary import right
from monitoring.verdict import Reason
from pipelines.report.words import exact, interval, percent

if TYPE_CHECKING:
    from aisle.audit.alarms.settling import Held
    from monitoring.seeing import Seen
    from monitoring.settings import Settings


def accuracy_reasons(seen: Seen, settings: Settings) -> Iterator[Reason]:
    """What stands out about the accuracy of automatic decisions, its audits and its alarm."""
    accuracy, watch = seen.accuracy, seen.watch
    found, target = accuracy.estimate, exact(accuracy.target)
    figures = {name: accuracy.as_table()[name] for name in ("accuracy", "low", "high", "answered", "wrong", "target")}
    if watch is not None and watch.alarm.alarmed:
        text = (
            f"The error among automatic decisions is above what {target} allows: the alarm rang at audit "
            f"{watch.alarm.alarm_at:,} ({watch.alarm_day}). {_by_all(seen)}"
        )
        yield Reason("accuracy.alarm", "accuracy", "red", text, figures | {"alarm_day": str(watch.alarm_day)})
    elif not seen.alarmed and found.high < accuracy.target:
        yield _below(seen, settings, figures)
    elif not seen.alarmed and not accuracy.known:
        head = f"{right(seen)} of {found.answered:,} audits" if found.answered else "No audit"
        text = (
            f"{head} of automatic decisions {'were right' if found.answered else 'is answered'}: too little to know "
            f"whether {target} hold. {words.needed(accuracy.as_table())}"
        )
        needed = {"audits_needed": accuracy.audits_needed, "days_needed": accuracy.days_needed}
        yield Reason("accuracy.unknown", "accuracy", "unknown", text, figures | needed)
    if found.answered and found.accuracy < accuracy.target <= found.high and not seen.alarmed:
        text = (
            f"Audits read {percent(found.accuracy)} ({interval(figures)}, {found.answered:,} audits), below the "
            f"{target} promised; that may be chance, for the alarm is silent."
        )
        yield Reason("accuracy.below", "accuracy", "yellow", text, figures)
    yield from _late_errors(seen)
    if not seen.alarmed:
        yield from _pending(seen)
    yield from _audits(seen, settings)


def _below(seen: Seen, settings: Settings, figures: dict[str, Any]) -> Reason:
    """The whole interval lies below the promise, and the alarm is silent: never green, and no red either.

    The interval holds the truth with its level on one day that was named beforehand. Whoever looks every day sees it
    below a promise that is kept more often than that (Armitage, McPherson & Rowe 1969, "Repeated significance tests on
    accumulating data"), and a red verdict may set a brake; the alarm is the test that may be asked every day.
    """
    found, target = seen.accuracy.estimate, exact(seen.accuracy.target)
    closed = None if seen.watch is None else seen.watch.closed
    late = 0 if closed is None else closed.answered_late
    text = (
        f"Audits say that the accuracy of automatic decisions lies below the {target} promised: {right(seen)} are "
        f"right ({interval(figures)}, {found.answered:,} audits). The alarm, which may be asked every day, has not "
        f"confirmed it yet: {_silent(seen)}. Read the products that were wrong, and hold automation back if you cannot "
        "wait"
    )
    days = many(settings.grace_days, "day")
    text += f"; have audits answered within {days} of their draw, or raise grace_days." if late else "."
    return Reason("accuracy.below", "accuracy", "unknown", text, figures | {"answered_late": late})


def _silent(seen: Seen) -> str:
    """Why the alarm has not rung, although audits read low."""
    if seen.watch is None or seen.watch.closed is None:
        return "no day of them is over"
    alarm, closed = seen.watch.alarm, seen.watch.closed
    late, waiting = closed.answered_late, closed.waiting
    why = [f"it has counted {many(alarm.count, 'audit')}, {alarm.errors:,} of them wrong, too few to ring"]
    if late:
        why.append(f"{many(late, 'audit')} {'was' if late == 1 else 'were'} answered too late for it")
    if waiting:
        why.append(f"{many(waiting, 'audit')} {'is' if waiting == 1 else 'are'} of days that are not closed")
    return "; ".join(why)


def _by_all(seen: Seen) -> str:
    """How right decisions are by the audits of the window, in a sentence; nothing where none is answered."""
    found = seen.accuracy.estimate
    if not found.answered:
        return "No audit of automatic decisions of these days is answered."
    ends = interval({"low": found.low, "high": found.high})
    return f"By all audits of these days {right(seen)} are right ({ends}, {found.answered:,} audits)."


def _late_errors(seen: Seen) -> Iterator[Reason]:
    """Red where the alarm would have rung, had it known them: it counts each day as it was when it closed.

    Among them are errors of audits that were answered at all only after that.
    """
    if seen.watch is None or seen.watch.closed is None:
        return
    closed, at = seen.watch.closed, seen.late_watch
    late = closed.late_errors
    confirmed = f"{many(late, 'error')} {'was' if late == 1 else 'were'} confirmed after their day was closed"
    if late and closed.answered_late:
        confirmed += f" ({many(closed.answered_late, 'audit')} had no answer until then)"
    if at is not None:
        behind = (
            f"{confirmed}, and with them" if late else "contradictions are settled late, and without waiting for them"
        )
        text = (
            f"The error among automatic decisions is above what {exact(seen.accuracy.target)} allows: {behind} the "
            f"alarm would have rung at audit {at.alarm.alarm_at:,} ({at.alarm_day}). {_by_all(seen)}"
            f"{_held(closed.held)}"
        )
        figures = {"late_errors": late, "alarm_at": at.alarm.alarm_at, "alarm_day": str(at.alarm_day)}
        yield Reason("accuracy.late_errors", "accuracy", "red", text, figures)
    elif late:
        text = f"{confirmed}: counted in the accuracy, not in the alarm, which would be silent with them, too."
        yield Reason("accuracy.late_errors", "accuracy", "yellow", text, {"late_errors": late})


def _pending(seen: Seen) -> Iterator[Reason]:
    """Contradictions that wait for a second person: unknown where they could break the promise."""
    accuracy, found = seen.accuracy, seen.accuracy.estimate
    held = None if seen.watch is None or seen.watch.closed is None else seen.watch.closed.held
    held = held if held is not None and held.behind else None
    figures = {"pending": found.pending, "if_pending_wrong": found.if_pending_wrong}
    if found.pending and found.if_pending_wrong < accuracy.target and (found.accuracy >= accuracy.target or held):
        wait = "contradiction waits" if found.pending == 1 else "contradictions wait"
        text = (
            f"{found.pending:,} {wait} for a second person: if none of these decisions is right, "
            f"{percent(found.if_pending_wrong)} of all automatic ones are, {percent(found.accuracy)} if all are; "
            f"{exact(accuracy.target)} are promised."
        )
        yield Reason("accuracy.pending", "accuracy", "unknown", f"{text}{_held(held)}", figures)
    elif held:
        figures = {**figures, "pending": held.pending}
        yield Reason("accuracy.pending", "accuracy", "yellow", _held(held).strip(), figures)


def _held(held: Held | None) -> str:
    if held is None or not held.behind:
        return ""
    one = held.pending == 1
    return (
        f" The alarm has not gone beyond {held.day}: {many(held.pending, 'contradiction')} of that day "
        f"{'is' if one else 'are'} not settled, and {many(held.behind, 'audit')} of later days wait behind "
        f"{'it' if one else 'them'}, until {held.until} at the latest."
    )


def _audits(seen: Seen, settings: Settings) -> Iterator[Reason]:
    """Whether answers still come in, and whether the draws are what they are said to be."""
    answering, draws = seen.answering, seen.contradiction
    if answering.stale(settings.grace_days + settings.stale_days):
        drawn = many(answering.waiting, "audit")
        why = f"{drawn} drawn since then {'has' if answering.waiting == 1 else 'have'} no answer"
        text = (
            f"The newest audit that is answered is of {answering.last}, {answering.days} days before the last day; "
            f"{why if answering.waiting else 'none was drawn since then'}. How accurate decisions are now is not known."
        )
        figures = {"last": str(answering.last), "days": answering.days, "waiting": answering.waiting}
        yield Reason("accuracy.stale", "accuracy", "unknown", text, figures)
    if draws is not None:
        between = f"{draws.smallest:.3g}" + ("" if draws.smallest == draws.largest else f" to {draws.largest:.3g}")
        text = (
            f"Of {many(draws.rows, 'automatic decision')} with an audit_probability of {between}, {draws.drawn:,} "
            f"were drawn where {draws.expected:,.1f} were due: that is no chance, and estimates rest on these "
            "probabilities."
        )
        figures = {"rows": draws.rows, "drawn": draws.drawn, "expected": draws.expected}
        yield Reason("accuracy.draws", "accuracy", "unknown", text, figures)
