"""Frames of products and predictions that tests of drift are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

SELLERS = ("Toolbarn", "Homewise", "Megadeal", "Nordmarkt", "Haus & Hof", "Quickshop", "Ferrum", "Westend")
THINGS = ("drill", "lamp", "sofa", "kettle", "tent", "router", "pot", "tyre", "brush", "rake")
BRANDS = ("Halden", "Orbix", "Autovex", "Strider", "Basik", "Lotus")
COLOURS = ("black", "white", "red", "blue", "steel", "oak")
TOLD = ("for the garden", "with two batteries", "easy to clean", "made for your home", "", "")


def frame(rows: int, seed: int = 0, days: int = 60, sellers: tuple[str, ...] = SELLERS) -> pd.DataFrame:
    """Rows of one unchanging catalogue: every seed draws from the same."""
    rng = np.random.default_rng([seed, rows])
    shares = 1 / (np.arange(len(sellers)) + 2)
    seller = rng.choice(len(sellers), rows, p=shares / shares.sum())
    thing = np.minimum((rng.random(rows) ** 1.5 * len(THINGS)).astype(int), len(THINGS) - 1)
    words = [
        f"{BRANDS[b]} {THINGS[t]} {COLOURS[c]} {size} cm" + " pro" * int(s % 2)
        for b, t, c, size, s in zip(
            rng.integers(len(BRANDS), size=rows),
            thing,
            rng.integers(len(COLOURS), size=rows),
            rng.integers(5, 200, size=rows),
            seller,
            strict=True,
        )
    ]
    confidence = np.clip(rng.beta(6, 1, rows), 0.01, 0.99)
    told = [TOLD[i] for i in rng.integers(len(TOLD), size=rows)]
    price = np.where(rng.random(rows) < 0.8, np.exp(rng.normal(3, 1, rows)), np.nan)
    received = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.sort(rng.random(rows)) * days, unit="D")
    return pd.DataFrame(
        {
            "product_id": [f"p{seed}-{i}" for i in range(rows)],
            "title": words,
            "description": [text or None for text in told],
            "brand": [None if i % 4 == 0 else "Halden" for i in range(rows)],
            "seller_category": [f"{'Home' if t < 5 else 'Outdoor'} > {THINGS[t]}" for t in thing],
            "price": price,
            "currency": np.where(np.isnan(price), None, "EUR"),
            "seller": [sellers[i] for i in seller],
            "received_at": received,
            "weight": 1.0,
            "category_id": [f"c.{THINGS[t]}" for t in thing],
            "branch_id": ["home" if t < 5 else "outdoor" for t in thing],
            "confidence": confidence,
            "decision": np.where(confidence > 0.75, "auto", "review"),
        }
    )
