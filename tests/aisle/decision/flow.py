"""Made-up flows of products with known odds: what promises and intervals are held against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aisle.decision.scored import ScoredProducts


def flow(rows: int, seed: int | tuple[int, ...], branches: tuple[str, ...] = ("tools",)) -> ScoredProducts:
    """Products whose chance of being right is their confidence, most of them sure; all weigh the same."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(2.5, 0.6, rows)
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=rng.choice(np.array(branches, dtype=object), rows),
        confidence=confidence,
        right=rng.random(rows) < confidence**1.2,
        allowed=np.ones(rows, dtype=bool),
        weight=np.ones(rows),
    )


def flow_with_branches(rows: int, seed: int | tuple[int, ...]) -> tuple[ScoredProducts, ScoredProducts]:
    """The same products at both levels; some wrong leaves lie in the right branch.

    One category in twenty always goes to people.
    """
    leaf = flow(rows, seed)
    rng = np.random.default_rng((7, rows, *np.atleast_1d(seed)))
    sure = rng.beta(1, 1, rows)
    chance = leaf.confidence + (1 - leaf.confidence) * sure
    right = leaf.right | (rng.random(rows) < sure)
    allowed = rng.random(rows) > 0.05
    branch = replace(leaf, confidence=chance, right=right)
    return replace(leaf, allowed=allowed), branch
