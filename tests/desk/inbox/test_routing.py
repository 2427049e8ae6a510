from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.utils import timezone

from aisle.audit.rates import Band, Rates, write_rates
from aisle.audit.sampling import Secret, draw, utc_day
from aisle.errors import ConfigurationError
from desk.configuration import Configuration
from desk.inbox.intake import receive
from desk.inbox.scoring import score_waiting
from desk.ledger.models import Brake, Prediction, Product, Tally, Task
from desk.people.models import Person
from tests.desk.inbox.service import Service, product

pytestmark = pytest.mark.django_db
NEVER, ALWAYS = Rates(floor=1e-9), Rates(floor=1.0, blind_share=0.0)


@pytest.fixture
def rates(configuration: Configuration) -> Callable[[Rates], None]:
    """Set the rates of the audit."""

    def put(wanted: Rates) -> None:
        write_rates(wanted, configuration.folder / "audit-rates.json")

    put(NEVER)
    return put


Put = Callable[[Rates], None]


def through(*products: dict[str, Any], version: str = "3") -> None:
    receive(products, timezone.now())
    assert score_waiting(Service(version=version).client()) == len(products)


def tasks() -> list[tuple[str, str, str, int]]:
    rows = Task.objects.order_by("id").values_list("product__product_id", "kind", "state", "revision__number")
    return list(rows)


def test_auto_and_not_drawn_is_published_and_asks_nobody(rates: Put) -> None:
    through(product("a"))
    row = Product.objects.get()
    assert (row.category_id, row.branch_id, row.source) == ("drills", "tools", "auto")
    assert row.settled_at is not None
    assert (row.audit_drawn, row.blind, row.double) == (False, False, False)
    assert row.audit_probability == pytest.approx(1e-9)
    assert tasks() == []


def test_auto_and_drawn_is_published_and_audited(rates: Put) -> None:
    rates(ALWAYS)
    through(product("a"))
    assert Product.objects.get().source == "auto"
    task = Task.objects.get()
    assert (task.kind, task.state, task.blind, task.priority) == ("audit", "open", False, 10)
    assert task.prediction == Prediction.objects.get()
    assert (task.prediction.audit_probability, task.prediction.audit_drawn) == (1.0, True)


def test_review_and_not_drawn_is_a_review_and_not_published(rates: Put) -> None:
    through(product("a", "unsure"))
    row = Product.objects.get()
    assert (row.category_id, row.source, row.settled_at) == (None, "none", None)
    assert tasks() == [("a", "review", "open", 1)]
    assert not Task.objects.get().blind


def test_review_and_drawn_is_an_audit_that_comes_first(rates: Put) -> None:
    through(product("r", "unsure"))
    rates(ALWAYS)
    through(product("b"), product("a", "unsure"))
    order = Task.objects.order_by("-priority", "id").values_list("product__product_id", "kind")
    assert list(order) == [("a", "audit"), ("b", "audit"), ("r", "review")]


def test_a_blind_audit_is_marked_on_task_prediction_and_product(rates: Put) -> None:
    rates(Rates(floor=1.0, blind_share=1.0, double_share=1.0))
    through(product("a"))
    assert Task.objects.get().blind
    assert Prediction.objects.get().blind
    assert Product.objects.get().blind
    assert Product.objects.get().double


def test_the_draw_is_the_one_of_its_rates_and_scoring_again_changes_nothing(
    rates: Put, configuration: Configuration
) -> None:
    wanted = Rates(floor=0.3, bands=(Band(0.5, 0.8),), blind_share=0.5, double_share=0.5)
    rates(wanted)
    through(*(product(f"p{place}", "unsure" if place % 2 else "Drill") for place in range(40)))
    rows = list(Product.objects.order_by("id"))
    confidence = [0.4 if int(one.product_id[1:]) % 2 else 0.97 for one in rows]
    drawn = draw(
        Secret(configuration.audit_secret), [one.product_id for one in rows], str(utc_day(rows[0].received_at)),
        wanted.of(confidence), 0.5, 0.5,
    )  # fmt: skip
    assert [one.audit_probability for one in rows] == drawn.audit_probability.tolist()
    assert [one.audit_drawn for one in rows] == drawn.audit_drawn.tolist()
    assert [one.blind for one in rows] == drawn.blind.tolist()
    assert [one.double for one in rows if one.audit_drawn] == drawn.double[drawn.audit_drawn].tolist()
    assert 0 < sum(drawn.audit_drawn) < 40
    before = list(Product.objects.order_by("id").values("audit_probability", "audit_drawn", "blind", "double"))
    rates(ALWAYS)
    through(*(product(f"p{place}", "New texts") for place in range(40)), version="4")
    assert list(Product.objects.order_by("id").values("audit_probability", "audit_drawn", "blind", "double")) == before
    later = Prediction.objects.filter(model_version="4").order_by("product_id")
    assert [one.audit_probability for one in later] == drawn.audit_probability.tolist()


def test_a_new_revision_supersedes_an_open_review(rates: Put) -> None:
    through(product("a", "unsure"), product("b", "unsure"))
    through(product("a", "Drill"))
    assert tasks() == [("a", "review", "superseded", 1), ("b", "review", "open", 1)]
    assert Task.objects.get(state="superseded").done_at is not None
    through(product("a", "unsure again"))
    assert tasks()[-1] == ("a", "review", "open", 3)
    assert Product.objects.get(product_id="a").category_id == "drills"  # until a person decides


def test_an_open_audit_stays_when_a_new_revision_comes(rates: Put) -> None:
    rates(ALWAYS)
    through(product("a", "unsure"))
    through(product("a", "Drill"))
    assert tasks() == [("a", "audit", "open", 1), ("a", "audit", "open", 2)]


def test_an_answered_review_is_not_touched(rates: Put) -> None:
    through(product("a", "unsure"))
    Task.objects.update(state="answered")
    through(product("a", "Drill"))
    assert tasks() == [("a", "review", "answered", 1)]


def test_wrong_rates_are_said_and_nothing_is_stored(rates: Put, configuration: Configuration) -> None:
    receive([product("a")], timezone.now())
    (configuration.folder / "audit-rates.json").write_text('{"floor": 2}')
    with pytest.raises(ConfigurationError, match=r"audit-rates\.json"):
        score_waiting(Service().client())
    assert not Prediction.objects.exists()


@pytest.fixture
def brake(person: Callable[..., Person]) -> Callable[..., Brake]:
    """Set a brake."""

    def make(**values: Any) -> Brake:
        settings = {"scope": "all", "kind": "stop", "reason": "test"} | values
        return Brake.objects.create(set_at=timezone.now(), set_by=person("business"), **settings)

    return make


def test_a_brake_holds_a_seller_that_came_with_blanks_before_they_were_taken_away(
    rates: Put, brake: Callable[..., Brake]
) -> None:
    brake(scope="seller", value="s")
    receive([product("a", seller="s")], timezone.now())
    Product.objects.update(seller=" s ")
    score_waiting(Service().client())
    assert Prediction.objects.get().decision == "review"


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ({}, True),
        ({"scope": "branch", "value": "tools"}, True),
        ({"scope": "branch", "value": "toys"}, False),
        ({"scope": "seller", "value": "s"}, True),
        ({"scope": "seller", "value": "other"}, False),
        ({"kind": "tighten", "confidence": 0.98}, True),
        ({"kind": "tighten", "confidence": 0.97}, False),
        ({"kind": "tighten", "confidence": 0.5}, False),
        ({"kind": "tighten", "confidence": None}, True),
        ({"released_at": timezone.now()}, False),
    ],
)
def test_a_brake_holds_what_it_is_for(
    rates: Put, brake: Callable[..., Brake], values: dict[str, Any], held: bool
) -> None:
    set_brake = brake(**values)
    through(product("a", seller="s"))
    one = Prediction.objects.get()
    assert one.service_decision == "auto"
    if held:
        assert (one.decision, one.brake, one.reason, one.decided_id) == ("review", set_brake, "brake", None)
        assert Product.objects.get().category_id is None
        assert tasks() == [("a", "review", "open", 1)]
        assert Tally.objects.get().decision == "review"
    else:
        assert (one.decision, one.brake, one.reason) == ("auto", None, "confident")


def test_a_brake_can_only_tighten(rates: Put, brake: Callable[..., Brake]) -> None:
    brake(kind="tighten", confidence=0.1)
    through(product("a", "unsure"))
    one = Prediction.objects.get()
    assert (one.decision, one.service_decision, one.brake) == ("review", "review", None)


def test_the_budget_is_planned_from_the_days_before(rates: Put, configuration: Configuration) -> None:
    from datetime import timedelta

    from desk.inbox.drawing import of_day

    rates(Rates(floor=0.001, bands=(Band(0.5, 0.5),), daily_budget=3))
    through(*(product(f"p{place}", "unsure" if place % 2 else "Drill") for place in range(20)))
    today = timezone.now().date()
    assert of_day(today).rates.scale == 1.0
    planned = of_day(today + timedelta(days=1)).rates
    confidence = [0.4 if place % 2 else 0.97 for place in range(20)]
    assert planned.expected_audits(20, confidence) == pytest.approx(3, rel=1e-6)


def test_thin_branches_are_audited_more(rates: Put) -> None:
    rates(Rates(floor=1e-9, thin_rate=1.0, thin_below=1))
    through(product("a"))
    assert Product.objects.get().audit_probability == 1.0


@pytest.mark.parametrize("source", ["review", "audit", "correction"])
def test_a_machine_does_not_overrule_a_person(rates: Put, source: str) -> None:
    through(product("a", "unsure"))
    Task.objects.update(state="answered")
    Product.objects.update(category_id="saws", branch_id="tools", source=source)
    through(product("a", "Drill"))
    row = Product.objects.get()
    assert (row.category_id, row.source) == ("saws", source)
    assert tasks()[-1] == ("a", "review", "open", 2)
    latest = Prediction.objects.latest("id")
    assert (latest.service_decision, latest.decision, latest.reason, latest.decided_id) == (
        "auto",
        "review",
        "person",
        None,
    )


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(("said", "decision"), [("saws", "auto"), ("plush", "review")])
def test_a_branch_does_not_overrule_a_person_who_said_a_category_of_it(rates: Put, said: str, decision: str) -> None:
    through(product("a", "unsure"))
    Product.objects.update(category_id=said, source="review")
    service = Service()
    answer = service.answer([product("a", "Drill")]) | {"decided_id": ["tools"]}
    service.queue.append(httpx.Response(200, json=answer))
    receive([product("a", "Drill")], timezone.now())
    assert score_waiting(service.client()) == 1
    assert Prediction.objects.latest("id").decision == decision
    assert Product.objects.get().category_id == said


def test_where_both_say_the_same_nobody_is_asked_and_the_persons_word_stands(rates: Put) -> None:
    through(product("a", "unsure"))
    Task.objects.update(state="answered")
    Product.objects.update(category_id="drills", branch_id="tools", source="review")
    through(product("a", "Drill"))
    assert Product.objects.get().source == "review"
    assert Prediction.objects.latest("id").decision == "auto"
    assert tasks() == [("a", "review", "answered", 1)]
