"""A little shop that every test of the models can learn in a second."""

from __future__ import annotations

import numpy as np
import pandas as pd

WORDS = {
    "tools": {
        "drill": ["cordless drill", "hammer drill", "impact driver"],
        "saw": ["circular saw", "hand saw", "jigsaw"],
        "drill_bit": ["drill bit set", "masonry bit", "bit holder"],
    },
    "home": {
        "sofa": ["fold-out sofa", "corner sofa", "sofa bed"],
        "lamp": ["desk lamp", "floor lamp", "led lamp"],
        "towel": ["bath towel", "hand towel", "towel set"],
    },
    "toys": {
        "doll": ["baby doll", "fashion doll", "doll house"],
        "kite": ["stunt kite", "dragon kite", "kite line"],
    },
}
BRANCH_OF = {leaf: branch for branch, leaves in WORDS.items() for leaf in leaves}
_FILLER = ["pro", "classic", "blue", "red", "xl", "2 pack", "estella", "nova", "garden", "for kids", "18v", "70 cm"]


def shop(rows: int, seed: int = 0, noise: float = 0.05) -> pd.DataFrame:
    """`rows` products with category_id and branch_id; a share `noise` of the labels is wrong."""
    random = np.random.default_rng(seed)
    leaves = np.array(list(BRANCH_OF))
    truth = random.choice(leaves, rows, p=np.array([8, 6, 5, 4, 3, 2, 1, 1]) / 30)
    names = {leaf: phrases for leaves_of in WORDS.values() for leaf, phrases in leaves_of.items()}
    titles = [
        " ".join([random.choice(_FILLER), random.choice(names[leaf]), *random.choice(_FILLER, 2)]) for leaf in truth
    ]
    labels = np.where(random.random(rows) < noise, random.choice(leaves, rows), truth)
    return pd.DataFrame(
        {
            "product_id": [f"p{row}" for row in range(rows)],
            "title": titles,
            "description": [None if row % 3 else f"a fine {title}" for row, title in enumerate(titles)],
            "brand": None,
            "seller_category": [None if row % 2 else BRANCH_OF[leaf] for row, leaf in enumerate(truth)],
            "price": random.lognormal(3, 1, rows),
            "currency": "EUR",
            "seller": random.choice(["shop a", "shop b", "shop c", "shop d"], rows),
            "category_id": labels,
            "branch_id": [BRANCH_OF[label] for label in labels],
            "weight": 1.0,
            "fold": np.arange(rows) % 3,
        }
    )
