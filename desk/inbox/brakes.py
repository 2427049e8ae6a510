"""Which brakes hold, and what they change: they can only tighten what the service allowed."""

from __future__ import annotations

from dataclasses import dataclass, field

from desk.ledger.models import Brake, BrakeKind, BrakeScope


@dataclass(frozen=True)
class Brakes:
    """The brakes that hold now, by what they hold; the oldest first."""

    everywhere: tuple[Brake, ...] = ()
    branches: dict[str, tuple[Brake, ...]] = field(default_factory=dict)
    sellers: dict[str, tuple[Brake, ...]] = field(default_factory=dict)

    def on(self, branch_id: str, seller: str, confidence: float) -> Brake | None:
        """The brake that keeps a product from an automatic decision; None where none does."""
        if not (self.everywhere or self.branches or self.sellers):
            return None
        sellers = self.sellers.get(seller.strip(), ())
        for brake in (*self.everywhere, *self.branches.get(branch_id, ()), *sellers):
            if brake.kind == BrakeKind.STOP or brake.confidence is None or confidence < brake.confidence:
                return brake
        return None


def holding() -> Brakes:
    """The brakes that nobody has released."""
    everywhere: tuple[Brake, ...] = ()
    branches: dict[str, tuple[Brake, ...]] = {}
    sellers: dict[str, tuple[Brake, ...]] = {}
    for brake in Brake.objects.filter(released_at=None).order_by("id"):
        if brake.scope == BrakeScope.BRANCH:
            branches[brake.value] = (*branches.get(brake.value, ()), brake)
        elif brake.scope == BrakeScope.SELLER:
            sellers[brake.value] = (*sellers.get(brake.value, ()), brake)
        else:
            everywhere += (brake,)
    return Brakes(everywhere, branches, sellers)
