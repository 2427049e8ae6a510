"""What a policy does, said in plain words on one line."""

from __future__ import annotations

from collections.abc import Mapping

from aisle.decision.policy import Policy


def describe(policy: Policy) -> str:
    """In plain words, on one line: what the policy does, on what evidence."""
    expected = policy.expected
    rows = f"{expected.get('rows') or 0:,} calibration rows"
    counted = ", whole sellers counted" if policy.clusters == "seller" else ""
    start = _describe_start(policy, counted)
    if not policy.automatic:
        return f"Automation is off, every product goes to people: {_why_off(policy, rows, counted)}.{start}"
    sure = "confidence" if policy.level == "leaf" else "branch confidence"
    where = f"At {sure} ≥ {policy.threshold:.4g}" if policy.threshold is not None else "At a threshold a branch"
    decided = "decided automatically" if policy.level == "leaf" else "put into a branch automatically"
    sentence = (
        f"{where}, {_percent(expected['coverage'])} of products are {decided}{_interval(expected, 'coverage')}, "
        f"{_percent(expected['accuracy'])} of them right{_interval(expected, 'accuracy')}"
    )
    if expected.get("cost_per_product") is not None:
        low, high = expected.get("cost_per_product_low"), expected.get("cost_per_product_high")
        between = f" [{low:.3g} to {high:.3g}]" if low is not None and high is not None else ""
        sentence += f", at {expected['cost_per_product']:.3g}{between} a product"
    sentence += f" ({rows}, 95 % intervals)"
    if policy.certificate is None:
        return f"{sentence}; not certified.{start}"
    return (
        f"{sentence}; certified: at least {policy.target_accuracy:.4g} with probability "
        f"{policy.confidence_level:.4g}{counted}.{start}"
    )


def _describe_start(policy: Policy, counted: str) -> str:
    if policy.branch_start is None or policy.branch_start_accuracy is None:
        return ""
    expected = policy.expected
    return (
        f" At branch confidence ≥ {policy.branch_start:.4g} a person starts in the suggested branch: "
        f"{_percent(expected.get('start_coverage'))} of all products, {_percent(expected.get('start_accuracy'))} of "
        f"them right{_interval(expected, 'start_accuracy')}; certified: at least "
        f"{policy.branch_start_accuracy:.4g}{counted}."
    )


def _interval(expected: Mapping[str, float | int | None], name: str) -> str:
    low, high = expected.get(f"{name}_low"), expected.get(f"{name}_high")
    return "" if low is None or high is None else f" [{_percent(low)} to {_percent(high)}]"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _why_off(policy: Policy, rows: str, counted: str) -> str:
    if not policy.expected.get("rows"):
        return "there are no calibration rows to choose a threshold with; label a random sample of products first"
    if policy.kind == "target_accuracy":
        return (
            f"on {rows} no threshold keeps an accuracy of {policy.target_accuracy:.4g} with probability "
            f"{policy.confidence_level:.4g}{counted}; more audited labels or a lower target may help"
        )
    if policy.kind == "cost":
        return f"on {rows} a person's look costs less than the errors at any threshold"
    return f"on {rows} no product may be accepted"
