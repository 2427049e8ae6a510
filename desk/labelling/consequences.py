"""What follows from an answer: the category of the product, a second look, an adjudication.

    audit of an automatic decision   agrees: nothing. Contradicts: a second look; the same category again changes
                                     the product, another one goes to a reviewer
    review, audit under review       decides the product at once; "cannot say" asks somebody else, and where two
                                     cannot say, a reviewer
    labelled twice anyway            a second look, whatever was said
    adjudication                     decides; "cannot say" asks another reviewer, and waits until there is one

A second look is always blind. An answer about texts that have changed since leaves the product alone,
and so does one that comes after a correction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from desk.inbox.routing import PRIORITY
from desk.ledger.models import Answer, Decision, Kind, Prediction, Product, Revision, Source, State, Status, Task
from desk.tree import agrees, taxonomy

ADJUDICATION_PRIORITY = 30
_STEP = {Kind.CONFIRM: 1, Kind.ADJUDICATE: 2}  # an audit or a review is 0
_FIELDS = ["category_id", "branch_id", "source", "settled_at"]


def automatic(root: Task) -> bool:
    """Whether an audit looks at what a machine has decided."""
    return root.kind == Kind.AUDIT and root.prediction is not None and root.prediction.decision == Decision.AUTO


def decided(prediction: Prediction) -> str:
    """What the machine decided, a category or a branch; else the category that it had on top."""
    return prediction.decided_id or prediction.category_id


def step_of(task: Task) -> int:
    """0 the first question, 1 a second look, 2 an adjudication."""
    return _STEP.get(Kind(task.kind), 0)


def follows(later: Task, task: Task) -> bool:
    """Whether `later` was asked because of what was said of `task`, or after it."""
    step = step_of(task)
    return step_of(later) > step or (step == _STEP[Kind.ADJUDICATE] == step_of(later) and later.pk > task.pk)


def stands(product: Product) -> dict[str, Any]:
    """How a product stands, as plain values."""
    settled = product.settled_at.isoformat() if product.settled_at else None
    return {
        "category_id": product.category_id,
        "branch_id": product.branch_id,
        "source": str(product.source),
        "settled_at": settled,
    }


def follow(answer: Answer, task: Task, chain: Sequence[Task], product: Product) -> bool:
    """Write what follows from a new `answer`; whether it changed the product.

    Parameters
    ----------
    chain : sequence of Task
        The first task and all that look at it again, locked; `product` is locked too.
    """
    if task.kind == Kind.TEST:
        return False
    root = chain[0]
    if task.kind == Kind.CONFIRM:
        return _second(answer, root, chain, product)
    if task.kind == Kind.ADJUDICATE:
        return _settled(answer, root, chain, product)
    return _first(answer, root, product)


def take_back(answer: Answer, task: Task, chain: Sequence[Task], product: Product, now: dt.datetime) -> None:
    """Take back what followed from `answer`, on which nobody has built; sets the state of `task`."""
    for later in chain:
        if follows(later, task) and later.state in (State.OPEN, State.CLAIMED):
            _supersede(later, now)
    before = answer.changed_from
    if before is not None and (product.category_id, product.settled_at) == (answer.category_id, answer.answered_at):
        settled = before["settled_at"]
        product.category_id, product.branch_id = before["category_id"], before["branch_id"]
        product.source = before["source"]
        product.settled_at = dt.datetime.fromisoformat(settled) if settled else None
        product.save(update_fields=_FIELDS)
    if task.kind == Kind.REVIEW and not _open_to_change(task, product):
        _supersede(task, now)


def standing_answer(task: Task) -> Answer | None:
    """The answer to a task that was not taken back."""
    return task.answers.filter(undone_by=None).exclude(status=Status.UNDONE).order_by("-id").first()


def _first(answer: Answer, root: Task, product: Product) -> bool:
    machine = automatic(root)
    if answer.status == Status.SKIPPED:
        if not machine:
            _ask_again(root, answer.answered_at)
        return False
    assert answer.category_id is not None
    if product.double or (machine and _contradicts(answer, root)):
        _ask_again(root, answer.answered_at)
    return not machine and _publish(answer, root, product, Source.REVIEW)


def _second(answer: Answer, root: Task, chain: Sequence[Task], product: Product) -> bool:
    first, machine = standing_answer(root), automatic(root)
    if first is None:
        return False
    if answer.status == Status.SKIPPED:
        if _contradicts(first, root) if machine else first.status == Status.SKIPPED:
            _adjudicate(root, chain, answer.answered_at)
        return False
    if first.status == Status.SKIPPED:
        return not machine and _publish(answer, root, product, Source.REVIEW)
    if first.category_id != answer.category_id:
        _adjudicate(root, chain, answer.answered_at)
        return False
    return machine and _contradicts(answer, root) and _publish(answer, root, product, Source.AUDIT)


def _settled(answer: Answer, root: Task, chain: Sequence[Task], product: Product) -> bool:
    if answer.status == Status.SKIPPED:
        _adjudicate(root, chain, answer.answered_at)
        return False
    if automatic(root):
        return _contradicts(answer, root) and _publish(answer, root, product, Source.AUDIT)
    return _publish(answer, root, product, Source.REVIEW)


def _contradicts(answer: Answer, root: Task) -> bool:
    assert root.prediction is not None
    return answer.category_id is not None and not agrees(answer.category_id, decided(root.prediction))


def _publish(answer: Answer, root: Task, product: Product, source: Source) -> bool:
    if not _open_to_change(root, product):
        return False
    assert answer.category_id is not None
    if (product.category_id, product.source) == (answer.category_id, source):
        return False
    product.category_id, product.branch_id = answer.category_id, taxonomy().branch_of(answer.category_id)
    product.source, product.settled_at = source, answer.answered_at
    product.save(update_fields=_FIELDS)
    return True


def _open_to_change(task: Task, product: Product) -> bool:
    if product.source == Source.CORRECTION:
        return False
    return Revision.objects.filter(pk=task.revision_id, number=product.revision).exists()


def _ask_again(root: Task, now: dt.datetime) -> None:
    # The priority of the first question: its place in the queue does not give a second look away.
    Task.objects.create(
        kind=Kind.CONFIRM, product_id=root.product_id, revision_id=root.revision_id, first=root,
        prediction_id=root.prediction_id, blind=True, priority=root.priority, created_at=now,
    )  # fmt: skip


def _adjudicate(root: Task, chain: Sequence[Task], now: dt.datetime) -> None:
    again = [one for one in chain if one.kind == Kind.ADJUDICATE and one.state == State.SUPERSEDED]
    if again:  # asked for before an undo
        made = again[-1]
        made.state, made.done_at, made.claimed_by = State.OPEN, None, None
        made.save(update_fields=["state", "done_at", "claimed_by"])
        return
    Task.objects.create(
        kind=Kind.ADJUDICATE, product_id=root.product_id, revision_id=root.revision_id, first=root,
        prediction_id=root.prediction_id, blind=True, priority=max(ADJUDICATION_PRIORITY, *PRIORITY.values()),
        created_at=now,
    )  # fmt: skip


def _supersede(task: Task, now: dt.datetime) -> None:
    task.state, task.done_at = State.SUPERSEDED, now
    task.save(update_fields=["state", "done_at"])
