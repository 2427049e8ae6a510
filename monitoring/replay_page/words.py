"""What the page of the replay says in words, worked out from its rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aisle.audit.replay.settings import DRAWS_AUDITS
from monitoring.replay_page import curves
from monitoring.replay_page.curves import Regime, Spread
from pipelines.report.words import candidate, exact, percent

if TYPE_CHECKING:
    from aisle.audit.replay.settings import ReplaySettings

CLEARLY = 0.005  # more flow accuracy than the cure, from which on the page says so
BITES = 0.02  # believed less true accuracy from which on the page speaks of a loop
SENTENCES: Mapping[str, str] = {
    "everything": "Learns from all that it has, its own decisions too, and sets its threshold by the same labels.",
    "human": "Learns from what people answered, all alike: mostly what the model was unsure of.",
    "mixed": "Learns from reliable labels, mostly of the hard products, and a minority of random audits.",
    "audited": "Learns from random audits and the start alone; what people reviewed serves nothing.",
    "representative": "Learns from all human answers, weighted to stand for the whole flow; a margin at the threshold.",
}
ANSWERS: Mapping[str, str] = {
    "audit": "audits",
    "review": "reviews",
    "second": "second looks",
    "third": "settling two that differ",
}


REVIEW_ORDERS: Mapping[str, str] = {"least_sure": "least sure first", "queue": "in the order of arrival"}


@dataclass(frozen=True)
class Headline:
    """The story in two sentences, and the figures that it rests on.

    Attributes
    ----------
    lead, cure : str
        What the naive regime did; what the cure did in the same rounds (may be empty).
    alarm, best : str
        When an alarm rang for the naive regime; under which other regime more products ended right than under the
        cure (may be empty).
    naive, cured : names of regimes, empty where there is none
    believed_wrong, truly_wrong : int or None
        Of 100 automatic decisions of the naive regime: wrong by its own labels, wrong in truth.
    last : int
        The last of the rounds spoken of.
    """

    lead: str
    cure: str
    alarm: str = ""
    best: str = ""
    naive: str = ""
    cured: str = ""
    believed_wrong: int | None = None
    truly_wrong: int | None = None
    last: int = 0


def headline(regimes: Sequence[Regime], target: float) -> Headline:
    """What happened in the last rounds that the naive regime and the cure both have."""
    by_name = {one.name: one for one in regimes}
    naive = by_name.get("everything") or (regimes[0] if regimes else None)
    if naive is None:
        return Headline("No round is done yet.", "The same command goes on from here, and this page fills.")
    cured = next(
        (by_name[name] for name in ("representative", "audited") if name in by_name and name != naive.name), None
    )
    last = naive.last if cured is None else min(naive.last, cured.last)
    late = naive.late(last).values()
    said, was = (curves.spread(measure(one) for one in late).value for measure in (curves.believed, curves.true))
    cure = "" if cured is None else _cure(naive, cured, last, target)
    name = "" if cured is None else cured.name
    alarm, best = _alarm(naive), "" if cured is None else _best(regimes, cured, last)
    if said is None or was is None:
        lead = f"The regime “{naive.name}” decided nothing automatically at the end: there was nothing to believe."
        return Headline(lead, cure, alarm, best, naive.name, name, last=last)
    wrong = (100 - round(100 * said), 100 - round(100 * was))
    return Headline(_lead(naive, said, was, target), cure, alarm, best, naive.name, name, *wrong, last)


def _alarm(naive: Regime) -> str:
    rung = [at for at in naive.alarms() if at is not None]
    whose = "Its" if naive.name in DRAWS_AUDITS else "A referee’s"
    return f"{whose} random audits raised the alarm in {alarm_words(naive.alarms())}." if rung else ""


def _best(regimes: Sequence[Regime], cured: Regime, last: int) -> str:
    """The regime under which clearly more products ended right than under the cure, and what it decided alone."""
    flows = {
        one.name: value
        for one in regimes
        if (value := curves.spread(curves.flow(rounds) for rounds in one.late(last).values()).value) is not None
    }
    best = max(regimes, key=lambda one: flows.get(one.name, 0.0))
    if flows[best.name] - flows[cured.name] < CLEARLY:
        return ""
    alone = [
        curves.spread(curves.coverage(rounds) for rounds in one.late(last).values()).value for one in (best, cured)
    ]
    return (
        f"Most products ended right under “{best.name}”, {percent(flows[best.name])}, which decided "
        f"{percent(alone[0], 0)} automatically; “{cured.name}” {percent(flows[cured.name])} and {percent(alone[1], 0)}."
    )


def _lead(naive: Regime, said: float, was: float, target: float) -> str:
    who = "A model that learns from its own decisions" if naive.name == "everything" else f"The regime “{naive.name}”"
    if said - was >= BITES:
        return f"{who} believed {percent(said, 0)} and was right in {percent(was, 0)}."
    kept = "kept" if was >= target else "missed"
    return (
        f"Here the loop did not bite: {who[0].lower()}{who[1:]} believed {percent(said)} and was right in "
        f"{percent(was)}; the target of {exact(target)} was {kept}."
    )


def _cure(naive: Regime, cured: Regime, last: int, target: float) -> str:
    late = cured.late(last).values()
    said, was = (curves.spread(measure(one) for one in late).value for measure in (curves.believed, curves.true))
    gained = curves.spread(differences(naive, cured, last), share=False)
    how = "With random audits" + (", weighted to stand for the whole flow," if cured.name == "representative" else "")
    promised = f"the target of {exact(target)}"
    if said is None or was is None:
        first = f"{how} nothing was decided automatically at the end"
    elif was >= target:
        first = f"{how} it believed {percent(said, 0)} and was right in {percent(was, 0)}: {promised} holds"
    else:
        first = f"{how} it believed {percent(said)} and was right in {percent(was)}, below {promised}"
    if gained.value is None or abs(gained.value) < 0.0005:
        return first + "."
    more = "more" if gained.value > 0 else "fewer"
    share = f"{abs(100 * gained.value):.1f} points {more} of all products end in their right category"
    if gained.low is not None:
        share += f" (95 % interval {between(gained)} points, {gained.seeds} seeds)"
    return f"{first}, and {share}." if gained.value > 0 else f"{first}; yet {share}."


def differences(naive: Regime, cured: Regime, last: int) -> list[float | None]:
    """Flow accuracy of `cured` less that of `naive`, seed by seed, in the rounds that end with `last`."""
    one, other = cured.late(last), naive.late(last)
    pairs = [(curves.flow(one[seed]), curves.flow(other[seed])) for seed in one if seed in other]
    return [a - b for a, b in pairs if a is not None and b is not None]


def verdict(regime: Regime, target: float) -> tuple[str, str]:
    """A regime's last rounds as a class of the badge and its words."""
    late = regime.late().values()
    too_much = curves.spread((curves.believed_too_much(one) for one in late), share=False).value
    was = curves.spread(curves.true(one) for one in late).value
    if too_much is None or was is None:
        return "off", "nothing automatic"
    if was >= target:
        return "certified", "keeps the target"
    if too_much >= BITES:
        return "wrong", f"{100 * too_much:.0f} points of illusion"
    return "open", f"{100 * (target - was):.1f} points below the target"


def alarm_words(alarms: Sequence[int | None]) -> str:
    """When the alarms of the seeds rang, in a few words; `none` where all stayed quiet."""
    rung = sorted(at for at in alarms if at is not None)
    if not rung:
        return "none"
    when = f"round {rung[0]}" if rung[0] == rung[-1] else f"rounds {rung[0]}–{rung[-1]}"
    return when + ("" if len(rung) == len(alarms) else f" ({len(rung)} of {len(alarms)} seeds)")


def points(spread: Spread) -> str:
    """A difference of shares as `+17.1`; a dash where there is none."""
    return "–" if spread.value is None else f"{100 * spread.value:+.1f}".replace("-", "−")


def between(spread: Spread) -> str:
    """The interval of a difference of shares as `+14.0 to +16.3`; empty where there is none."""
    if spread.low is None or spread.high is None:
        return ""
    return f"{points(Spread(spread.low))} to {points(Spread(spread.high))}"


def seeds_words(seeds: int) -> str:
    """What lines and bands stand for."""
    if seeds == 1:
        return "One seed, so no band: another seed would look a little different."
    interval = (
        "Intervals in the table hold the mean of all seeds with 95 % (Student’s t)."
        if seeds > 2
        else "Two seeds give no interval worth printing."
    )
    return f"Lines are the mean of {seeds} seeds, bands go from the lowest to the highest of them. {interval}"


def missing(regimes: Sequence[Regime], wanted: Sequence[str], seeds: Sequence[int], rounds: int) -> list[str]:
    """What an interrupted replay of `rounds` rounds has not done yet, a line a regime."""
    by_name, found = {str(one.name): one for one in regimes}, []
    for name in wanted:
        if name not in by_name:
            found.append(f"Regime “{name}” has not begun.")
            continue
        lacks = [_lack(seed, set(by_name[name].by_seed.get(seed, ())), rounds) for seed in seeds]
        if any(lacks):
            found.append(f"Regime “{name}”: {', '.join(lack for lack in lacks if lack)}.")
    return found


def _lack(seed: int, there: set[int], rounds: int) -> str:
    absent = [number for number in range(1, rounds + 1) if number not in there]
    if not absent:
        return ""
    if not there:
        return f"seed {seed} has not begun"
    if absent[0] > max(there):
        return f"seed {seed} ends after round {max(there)} of {rounds}"
    return f"seed {seed} lacks round{'s' if len(absent) > 1 else ''} {', '.join(str(one) for one in absent)}"


def facts(settings: ReplaySettings) -> list[tuple[str, str]]:
    """The settings as names and values for people."""
    return [
        ("target accuracy", exact(settings.target)),
        (
            "rounds",
            f"{settings.rounds:,} of {settings.round_size:,} products, after a start of {settings.start:,} labels",
        ),
        ("cap", f"{settings.cap:,} answers of people a round"),
        (
            "audits",
            f"{exact(settings.audit_share)} of all products"
            + (", more where unsure" if settings.active_audits else ", all alike"),
        ),
        ("reviews", REVIEW_ORDERS[settings.review_order]),
        ("people err", f"in {exact(settings.person_error_rate)} of their answers"),
        ("labels weigh", "by how sure they are" if settings.certainty_weights else "alike, however sure they are"),
        ("candidate", f"{candidate(settings.candidate)}, {settings.folds} folds"),
        ("least labels", f"categories with fewer than {settings.min_labels} always go to people"),
        ("seeds", ", ".join(str(one) for one in settings.seeds)),
    ]
