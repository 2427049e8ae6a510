"""The quality of people: how often each is right, how well they agree, how fast they are, how much they skip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from aisle.audit.agreement import Agreement, Share, agreement, exact_share
from desk.ledger.models import Answer, Kind, Status
from desk.people.models import Person
from desk.quality.pairs import Pair, pairs_of
from desk.quality.windows import Window

TOO_FAST = 1.0  # seconds: nobody reads a title and a path in less
_MANY_FAST = 0.1  # share of answers from which on it is worth a talk
_FEWEST = 20  # answers below which nothing is called suspicious
_AWAY = 300  # seconds: whoever took longer was somewhere else


@dataclass(frozen=True)
class Labeller:
    """One person in a window.

    Attributes
    ----------
    answers, skipped : int
        Answers with a category; "cannot say". Those taken back count nowhere.
    wrong : Share
        Of answers whose truth is known: test items, and products drawn to be labelled twice, where the
        two agree or somebody else has adjudicated.
    lost : Share
        Of disputes that somebody else adjudicated, those that went against the person. Only hard
        products are disputed, so this is no error rate.
    agreement : Agreement
        With the other person, on products labelled twice.
    seconds : float or None
        The median time of an answer.
    fast : Share
        Answers in less than `TOO_FAST` seconds.
    """

    name: str
    answers: int
    skipped: int
    wrong: Share
    lost: Share
    agreement: Agreement
    seconds: float | None
    fast: Share

    @property
    def skipped_share(self) -> float:
        """Of all that the person was asked and answered in some way."""
        return self.skipped / (self.answers + self.skipped)

    @property
    def suspicious(self) -> bool:
        """Whether many answers came too fast."""
        return self.fast.count >= _FEWEST and self.fast.value >= _MANY_FAST


@dataclass
class _Sums:
    answers: int = 0
    skipped: int = 0
    wrong: int = 0
    known: int = 0
    lost: int = 0
    disputes: int = 0


def labellers(window: Window) -> tuple[list[Labeller], Agreement]:
    """Everybody who answered in the window, the busiest first; and the agreement of all pairs."""
    sums: dict[int, _Sums] = defaultdict(_Sums)
    times: dict[int, list[float]] = defaultdict(list)
    _add_answers(window, sums, times)
    pairs = pairs_of(window)
    _add_pairs(pairs, sums)
    both = _both(pairs)
    names = dict(Person.objects.filter(pk__in=list(sums)).values_list("id", "username"))
    rows = [_labeller(names.get(key, ""), one, times[key], both.get(key, [])) for key, one in sums.items()
            if one.answers + one.skipped]  # fmt: skip
    everybody = [(pair.first, pair.second) for pair in pairs if pair.double]
    return sorted(rows, key=lambda row: (-row.answers, row.name)), _agreement(everybody)


def _add_answers(window: Window, sums: dict[int, _Sums], times: dict[int, list[float]]) -> None:
    found = Answer.objects.filter(
        answered_at__gte=window.since, answered_at__lt=window.until, undone_by=None
    ).exclude(status=Status.UNDONE)  # fmt: skip
    rows = found.order_by().values_list(
        "person_id", "status", "shown_at", "answered_at", "category_id", "task__kind", "task__expected_category_id"
    )
    for person, status, shown, answered, category, kind, expected in rows.iterator(5000):
        one = sums[person]
        if status == Status.SKIPPED:
            one.skipped += 1
            continue
        one.answers += 1
        if shown is not None and 0 <= (answered - shown).total_seconds() <= _AWAY:
            times[person].append((answered - shown).total_seconds())
        if kind == Kind.TEST and expected is not None:
            one.known += 1
            one.wrong += category != expected


def _add_pairs(pairs: Iterable[Pair], sums: dict[int, _Sums]) -> None:
    for pair in pairs:
        for person, said in ((pair.first_person, pair.first), (pair.second_person, pair.second)):
            if pair.judge == person:
                continue
            if pair.double and pair.truth is not None:
                sums[person].known += 1
                sums[person].wrong += said != pair.truth
            if pair.first != pair.second and pair.final is not None:
                sums[person].disputes += 1
                sums[person].lost += said != pair.final


def _both(pairs: Iterable[Pair]) -> dict[int, list[tuple[str, str]]]:
    """What each person said, and the other one, of products drawn to be labelled twice."""
    said: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for pair in pairs:
        if pair.double:
            said[pair.first_person].append((pair.first, pair.second))
            said[pair.second_person].append((pair.second, pair.first))
    return said


def _agreement(both: list[tuple[str, str]]) -> Agreement:
    return agreement([one for one, _ in both], [other for _, other in both])


def _labeller(name: str, one: _Sums, times: list[float], both: list[tuple[str, str]]) -> Labeller:
    return Labeller(
        name, one.answers, one.skipped, exact_share(one.wrong, one.known), exact_share(one.lost, one.disputes),
        _agreement(both), median(times) if times else None,
        exact_share(sum(each < TOO_FAST for each in times), len(times)),
    )  # fmt: skip
