"""What comes in and what goes out: the one description that parses, encodes and documents (OpenAPI)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from aisle.decision.answers import REASONS
from service.settings import MAX_ALTERNATIVES, MAX_EXPLAINED, MAX_PRODUCTS

# Characters that text may not hold, for a pattern: control characters but tab and line ends.
CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
_ANY, _SEEN = f"[^{CONTROL}]", rf"[^\s{CONTROL}]"


def _text(least: int, most: int, description: str, example: str, blank: bool = True) -> Meta:
    """What a text of a product is; `blank`: whether it may be of white space alone."""
    pattern = f"^{_ANY}*$" if blank else f"^{_ANY}*{_SEEN}{_ANY}*$"
    return Meta(
        min_length=least,
        max_length=most,
        description=description,
        examples=[example],
        extra_json_schema={"pattern": pattern},  # for readers alone: parsing looks at the bytes, which is faster
    )


_ID = _text(1, 200, "Yours; the answer repeats it. The service makes one up where there is none.", "4006381333931")
ProductId: TypeAlias = Annotated[str, _ID]
Revision: TypeAlias = Annotated[
    int, Meta(ge=1, le=2**31 - 1, description="Counts up when the text of a product changes.", examples=[1])
]
Title: TypeAlias = Annotated[
    str, _text(1, 1000, "Name of the product; not blank.", "Cordless hammer drill 18V with 2 batteries", blank=False)
]
Description: TypeAlias = Annotated[str, _text(0, 20_000, "What the seller says of it.", "For wood, metal and masonry.")]
Brand: TypeAlias = Annotated[str, _text(0, 200, "Maker.", "Estella")]
SellerCategory: TypeAlias = Annotated[
    str, _text(0, 1000, "The seller's own category, a breadcrumb.", "Tools > Power tools > Drills")
]
Price: TypeAlias = Annotated[float, Meta(ge=0, description="Price.", examples=[89.9])]
Currency: TypeAlias = Annotated[str, _text(0, 10, "Of the price.", "EUR")]
Seller: TypeAlias = Annotated[str, _text(0, 200, "Who sells it.", "shop-17")]


class Product(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """A product to be put into a category; only its title is required."""

    title: Title
    product_id: ProductId | None = None
    revision: Revision = 1
    description: Description | None = None
    brand: Brand | None = None
    seller_category: SellerCategory | None = None
    price: Price | None = None
    currency: Currency | None = None
    seller: Seller | None = None


_PRODUCTS = "Products; a bad one is an error of its own place, and the others are answered."


class CategorizeRequest(Struct, forbid_unknown_fields=True):
    """Products to decide on."""

    products: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_PRODUCTS, description=_PRODUCTS)]
    alternatives: Annotated[
        int, Meta(ge=0, le=MAX_ALTERNATIVES, description="Best categories to list of each product, with probabilities.")
    ] = 3


class ProbabilitiesRequest(Struct, forbid_unknown_fields=True):
    """Products to give a probability for every category, or every branch."""

    products: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_PRODUCTS, description=_PRODUCTS)]
    level: Annotated[Literal["category", "branch"], Meta(description="What the probabilities are of.")] = "category"


class ExplainRequest(Struct, forbid_unknown_fields=True):
    """Products to explain the answers of."""

    products: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_EXPLAINED, description=_PRODUCTS)]
    neighbours: Annotated[
        int, Meta(ge=0, le=10, description="Labelled products like it to show of each; as many as the model knows.")
    ] = 3


Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Decision: TypeAlias = Literal["auto", "review"]
_REASON_TEXT = " ".join(f"{name}: {text}" for name, text in REASONS.items())
Reason: TypeAlias = Literal["confident", "below_threshold", "few_labels", "automation_off"]


class ModelName(Struct, frozen=True):
    """Which model and policy answered."""

    name: Annotated[str, Meta(description="Name of the registered model.", examples=["aisle"])]
    version: Annotated[str, Meta(description="Its version in the registry.", examples=["7"])]
    policy_id: Annotated[str, Meta(description="Which policy decided.", examples=["1f0c7b9a3d52"])]
    bento_tag: Annotated[
        str | None, Meta(description="Which Bento; null outside of one.", examples=["aisle:7-0a1b2c3d4e5f"])
    ]


Code: TypeAlias = Literal[
    "not_utf8", "type", "missing", "unknown_field", "duplicate_field", "length", "range", "blank", "character"
]


class ProductError(Struct, frozen=True):
    """What is wrong with one product; never repeats its text."""

    place: Annotated[int, Meta(ge=0, description="Place of the product in the request, from 0.")]
    product_id: Annotated[str | None, Meta(description="As sent; null where there is none to read.")]
    field: Annotated[str | None, Meta(description="Which field; null where it is none of them.")]
    code: Annotated[Code, Meta(description="For programs.")]
    detail: Annotated[
        str, Meta(description="For people.", examples=["title must be text of 1 to 1,000 characters, not blank"])
    ]


Errors: TypeAlias = Annotated[list[ProductError], Meta(description="One entry a bad product, in the order sent.")]


class Alternatives(Struct, frozen=True):
    """The best categories of each product, best first; empty for a bad product."""

    category_id: list[list[str]]
    probability: list[list[Share]]


class Categorized(Struct, frozen=True):
    """Answers in columns, a place a product in the order sent; null at the place of a bad product."""

    model: ModelName
    product_id: Annotated[list[str | None], Meta(description="As sent, or made up by the service.")]
    category_id: Annotated[list[str | None], Meta(description="The category suggested.")]
    branch_id: Annotated[list[str | None], Meta(description="The branch suggested.")]
    confidence: Annotated[list[Share | None], Meta(description="P(the category is right).")]
    branch_confidence: Annotated[list[Share | None], Meta(description="P(the branch is right).")]
    decision: Annotated[list[Decision | None], Meta(description="auto: a machine may decide; review: a person does.")]
    decided_id: Annotated[
        list[str | None], Meta(description="What an automatic decision names; null where a person decides.")
    ]
    start_branch_id: Annotated[
        list[str | None], Meta(description="The branch in which a person starts; null: none is certain enough.")
    ]
    threshold: Annotated[list[Share | None], Meta(description="Of the product's branch; null: people always decide.")]
    reason: Annotated[list[Reason | None], Meta(description=_REASON_TEXT)]
    alternatives: Alternatives
    errors: Errors


class Probabilities(Struct, frozen=True):
    """A row of probabilities a product, in the order sent; null at the place of a bad product."""

    model: ModelName
    product_id: Annotated[list[str | None], Meta(description="As sent, or made up by the service.")]
    level: Literal["category", "branch"]
    id: Annotated[list[str], Meta(description="Ids of the categories, or branches: the columns of probability.")]
    probability: Annotated[list[list[Share] | None], Meta(description="A row sums to 1, but for rounding.")]
    errors: Errors


class BranchProbability(Struct, frozen=True):
    """Summed probability of the categories of a branch."""

    branch_id: str
    probability: Share


class LeafProbability(Struct, frozen=True):
    """Probability of a category."""

    category_id: str
    probability: Share


class Voice(Struct, frozen=True):
    """A word or a field that spoke for the category suggested, or for its rival."""

    field: str
    text: str
    contribution: Annotated[float, Meta(description="Above 0: for the category; below: for its rival.")]


class Neighbour(Struct, frozen=True):
    """A labelled product like the one asked about."""

    product_id: str
    title: str
    category_id: str
    similarity: float


class Explained(Struct, frozen=True):
    """Why one product is answered as it is."""

    product_id: str
    category_id: str
    branch_id: str
    confidence: Share
    branch_confidence: Share
    band: Annotated[str, Meta(description="The confidence in a word.", examples=["almost surely right"])]
    decision: Decision
    decided_id: str | None
    start_branch_id: str | None
    threshold: Share | None
    reason: Reason
    reason_text: Annotated[str, Meta(description="The reason of the decision in a sentence.")]
    doubt: Annotated[str | None, Meta(description="What makes the answer unsure; null where it is sure.")]
    rival_id: Annotated[str | None, Meta(description="Second category, against which voices are weighed.")]
    branches: Annotated[list[BranchProbability], Meta(description="All, best first.")]
    leaves: Annotated[list[LeafProbability], Meta(max_length=8, description="Best under the branch suggested.")]
    spoke_for: list[Voice]
    spoke_against: list[Voice]
    nearest: list[Neighbour]


class Explanations(Struct, frozen=True):
    """Explanations in the order sent; null at the place of a bad product."""

    model: ModelName
    explanations: list[Explained | None]
    errors: Errors


class Categories(Struct, frozen=True):
    """The category tree in columns."""

    model: ModelName
    category_id: list[str]
    parent_id: Annotated[list[str | None], Meta(description="Null for a branch.")]
    name: list[str]
    leaf: Annotated[list[bool], Meta(description="Whether products belong there.")]


class Limits(Struct, frozen=True):
    """What one request may hold."""

    body_bytes: int
    products: int
    explained: int
    alternatives: int
    probabilities: Annotated[int, Meta(description="Numbers in an answer of probabilities.")]
    timeout_seconds: float


class Described(Struct, frozen=True):
    """Where the model comes from, and what its policy promises."""

    model: ModelName
    identity: Annotated[dict[str, str | None], Meta(description="Data, run, commit, and who promoted it when.")]
    promise: Annotated[str, Meta(description="What the policy does, on what evidence, in a sentence.")]
    policy: Annotated[dict[str, Any], Meta(description="The policy as packaged, policy_id included.")]
    categories: Annotated[int, Meta(description="That the model can name.")]
    branches: Annotated[int, Meta(description="That the model can name.")]
    limits: Limits


class LogState(Struct, frozen=True):
    """How the prediction log does."""

    failing: Annotated[bool, Meta(description="Whether lines cannot be written now.")]
    since: Annotated[str | None, Meta(description="Since when it fails (UTC).")]
    lost: Annotated[int, Meta(ge=0, description="Lines that were given up since the service started.")]
    written: Annotated[int, Meta(ge=0, description="Lines written since the service started.")]
    queued: Annotated[int, Meta(ge=0, description="Lines that wait to be written.")]


class Health(Struct, frozen=True):
    """Whether the service answers."""

    ready: bool
    model: ModelName
    prediction_log: Annotated[LogState | None, Meta(description="Null where nothing is logged.")]


_MODEL_OF_PROBLEM = "Which model would answer; not there outside of /v1, and where the request was not read that far."


class Problem(Struct, frozen=True, omit_defaults=True):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Meta(description="about:blank: the status says what kind it is.")]
    title: Annotated[str, Meta(description="The kind of problem.")]
    status: Annotated[int, Meta(ge=400, le=599, description="The status of the answer.")]
    detail: Annotated[str, Meta(description="What to mend, for people.")]
    model: Annotated[ModelName | None, Meta(description=_MODEL_OF_PROBLEM)] = None
    errors: Annotated[list[ProductError], Meta(description="What is wrong with which product.")] = []
