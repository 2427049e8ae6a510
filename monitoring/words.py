"""The words of the monitor's page: what a reader without a statistics book can read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from aisle.audit.alarms.processes import EARLY_SHARE
from pipelines.report.words import count, exact, interval, percent

COLOURS = {
    "green": "Green: all is as promised, as far as audits can tell",
    "yellow": "Yellow: worth a look, no alarm",
    "red": "Red: alarm",
    "unknown": "Not yet known",
}
PARTS = {
    "window": "Rows",
    "data": "Products",
    "predictions": "Predictions",
    "accuracy": "Accuracy",
    "loop": "The loop",
}
SIGNS = {
    "illusion": "the model's own labels look right, audits do not",
    "training": "training labels that came from a model",
    "window_labels": "new labels that came from a model",
    "trend": "confidence rises while audits fall",
    "growing": "categories that grow by their own decisions",
    "shown": "audits agree more when they see the suggestion",
}
SIGN_STATES = {"green": "quiet", "yellow": "a sign", "red": "a sign", "unknown": "not known"}
COLUMNS = {
    "seller": "seller",
    "branch_id": "branch",
    "category_id": "category",
    "day": "day",
    "since": "since",
    "model_version": "model version",
    "all": "all rows",
}
_CODE = re.compile(r"`([^`]+)`")


def colour(name: str) -> str:
    """The verdict's colour in words."""
    return COLOURS[name]


def part(name: str) -> str:
    """One of the four questions, or the rows themselves."""
    return PARTS.get(name, name)


def sign(name: str) -> str:
    """A sign of the loop."""
    return SIGNS.get(name, name.replace("_", " "))


def sign_state(name: str) -> str:
    """Whether a sign shows."""
    return SIGN_STATES.get(name, name)


def slice_(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A blamed slice, with the names of branches and categories: `seller toolbarn`."""
    columns, values = (str(one[key]).split(" × ") for key in ("column", "value"))
    if columns == ["all"]:  # never inside a time: that is the time itself
        return "all automatic decisions together" if one["change"] == "errors" else "all rows together"
    if len(columns) != len(values):  # a value that holds the sign itself
        values = [str(one["value"]), *[""] * (len(columns) - 1)]
    said = [
        f"{COLUMNS.get(a, a.replace('_', ' '))} {names.get(b, b)}".strip() for a, b in zip(columns, values, strict=True)
    ]
    name = ", ".join(said)
    if one.get("since") and one["column"] != "since":
        name = f"{name}, since {one['since']}"
    if one.get("within"):
        column, _, value = str(one["within"]).partition(" = ")
        name = f"{name}, only on {value}" if column == "day" else f"{name}, under {COLUMNS[column]} {value}"
    return name


def answers(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What people answered instead of a blamed slice's wrong decisions: `Remote control toys 26 times`."""
    said = [
        f"{names.get(name, name)} {count(many)} {'time' if many == 1 else 'times'}"
        for name, many in one.get("answers", ())
    ]
    return f"People answered {', '.join(said)}." if said else ""


def blamed(one: Mapping[str, Any]) -> str:
    """What is wrong with a blamed slice, in a sentence."""
    rows = f"{one['rows']:,}"
    if one["change"] == "errors":
        return (
            f"{percent(one['rate'])} of {rows} audits were wrong, where {percent(one['expected_rate'])} were to be "
            f"expected (q = {one['q_value']:.2g})."
        )
    if one["change"] == "share":
        return (
            f"{percent(one['rate'])} of the products ({rows}), {percent(one['expected_rate'])} in the reference "
            f"(q = {one['q_value']:.2g})."
        )
    what = str(one["change"]).replace("_", " ")
    now, before = f"{one['rate']:.3g}", f"{one['expected_rate']:.3g}"
    return f"{rows} products; {what}: {now}, {before} in the reference (q = {one['q_value']:.2g})."


def known(accuracy: Mapping[str, Any]) -> str:
    """How sure the accuracy is, and what it takes to be surer."""
    limit = exact(round(accuracy["target"] - accuracy["tolerance"], 6))
    if accuracy["known"] and not accuracy["low"] >= accuracy["target"] - accuracy["tolerance"]:
        return (
            f"Known, and less than promised: of {count(accuracy['answered'])} answered audits "
            f"{count(accuracy['wrong'])} are confirmed wrong, and the alarm has rung."
        )
    if accuracy["known"]:
        return (
            f"Known: of {count(accuracy['answered'])} answered audits {count(accuracy['wrong'])} are confirmed wrong, "
            f"and the interval, {interval(accuracy)}, begins at {limit} or above."
        )
    head = (
        f"Not known: the interval, {interval(accuracy)}, begins below {limit}."
        if accuracy["answered"]
        else "Not known: no audit of an automatic decision is answered."
    )
    return f"{head} {needed(accuracy)}"


def needed(accuracy: Mapping[str, Any]) -> str:
    """How many more audits, and how long they take."""
    audits, days = accuracy["audits_needed"], accuracy["days_needed"]
    if audits is None:
        return "No number of audits would show that the promise is kept; if it is broken, the alarm will ring."
    least = "At least " if accuracy["audits_needed_is_least"] else "About "
    even = ", all of them right," if accuracy["audits_needed_is_least"] else ""
    text = f"{least}{audits:,} more answered audits of automatic decisions{even} are needed"
    if days is None:
        return f"{text}; none come in now, so draw audits and have them answered."
    return f"{text}, {days:,} {'day' if days == 1 else 'days'} at the present {accuracy['audits_a_day']:.3g} a day."


def alarm(found: Mapping[str, Any]) -> str:
    """What the alarm says."""
    if not found["count"]:
        return "The alarm has counted no audit yet."
    after = f" {beyond(found)}".rstrip()
    counted = f"{found['count']:,} audits counted, {found['errors']:,} of them wrong"
    if found["alarmed"]:
        since = "bad from the start" if found["which"] == "early" else "a change on the way"
        when = found["alarm_day"] or "day not known"
        return f"The alarm rang at audit {found['alarm_at']:,} ({when}): {since}. {counted}.{after}"
    return (
        f"The alarm is silent: {counted}; the evidence is {found['capital']:.3g}, and it rings at {found['goal']:g}. "
        f"While the promise holds, it rings within {found['horizon']:,} audits with a probability of at most "
        f"{exact(found['false_alarm'])}.{after}"
    )


def beyond(found: Mapping[str, Any]) -> str:
    """What an alarm is worth that counted more audits than its horizon; empty while it did not."""
    count_, horizon = found["count"], found["horizon"]
    if count_ <= horizon:
        return ""
    bound = min(1.0, found["false_alarm"] * (EARLY_SHARE + (1 - EARLY_SHARE) * count_ / horizon))
    return (
        f"{count_:,} audits are more than its horizon of {horizon:,}: by now it may have rung by mistake with a "
        f"probability of up to {percent(bound)}. Set `horizon` to what this version will see."
    )


def basis(text: str) -> str:
    """What an estimate rests on, as a sentence after the words that it is one."""
    said = text.removeprefix("estimate, not audited: ")
    return said[:1].upper() + said[1:]


def marked(text: str) -> Markup:
    """A line for people whose `commands` become code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))
