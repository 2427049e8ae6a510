"""The client against a small service of our own: what it sends, tries again, refuses, and says."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.client import ModelIdentity, ServiceClient
from aisle.client import service as service_module
from aisle.client.sending import retry_after
from aisle.errors import ConfigurationError, DataError, ServiceUnavailable
from tests.aisle.small_service import MODEL, Answer, Service, categorized, problem

URL = "http://service.test"


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    passing = Clock()
    monkeypatch.setattr("aisle.client.sending.time.sleep", passing.sleep)
    monkeypatch.setattr("aisle.client.sending.time.monotonic", lambda: passing.now)
    monkeypatch.delenv("AISLE_API_KEY", raising=False)
    return passing


def client(service: Service, **options: Any) -> ServiceClient:
    return ServiceClient(URL, transport=httpx.MockTransport(service), **options)


def titles(n: int, letters: int = 1) -> list[dict[str, Any]]:
    return [{"product_id": str(number), "title": "t" * letters} for number in range(n)]


class TestAnswers:
    def test_columns_come_as_they_were_sent_unrounded(self) -> None:
        service = Service()
        with client(service) as one:
            answer = one.categorize([{"product_id": "ä", "title": "Büchse"}], alternatives=2)
        assert len(answer) == 1
        assert answer.model == ModelIdentity("aisle", "3", "5468c33398c6", "aisle:3-abc")
        assert (answer.product_id, answer.category_id, answer.confidence) == (["ä"], ["c-Büchse"], [0.1 + 0.2])
        assert (answer.alternatives, answer.alternative_probabilities) == ([["c", "d"]], [[0.6, 0.2]])
        assert answer.errors == []
        sent = json.loads(service.requests[0].content)
        assert sent == {"products": [{"product_id": "ä", "title": "Büchse"}], "alternatives": 2}

    def test_a_bad_product_is_an_error_of_its_own_place_however_the_call_was_split(self) -> None:
        products = titles(2001)
        for place in (1, *range(1000, 2000)):  # one among good ones, and a whole request
            products[place]["title"] = " "
        with client(Service()) as one:
            answer = one.categorize(products)
        assert [error.place for error in answer.errors] == [1, *range(1000, 2000)]
        assert answer.errors[1].product_id == "1000"
        assert answer.errors[0].detail == "title is blank"
        assert [place for place, found in enumerate(answer.category_id) if found is None] == [1, *range(1000, 2000)]
        assert answer.alternatives[1000] == []
        assert answer.category_id[2000] == "c-t"

    def test_when_all_are_bad_the_model_is_asked_for_its_name(self) -> None:
        with client(Service()) as one:
            answer = one.categorize([{"title": " "}])
        assert answer.model.version == "3"
        assert [error.code for error in answer.errors] == ["blank"]

    def test_a_model_that_changes_within_a_call_is_no_answer(self) -> None:
        other = categorized(titles(1000), {**MODEL, "version": "4"})
        with (
            client(Service(categorized(titles(1000)), other)) as one,
            pytest.raises(ServiceUnavailable, match="version 3, then 4"),
        ):
            one.categorize(titles(2000))

    def test_probabilities_are_split_by_how_many_there_are(self) -> None:
        service = Service()
        with client(service) as one:
            answer = one.probabilities(titles(5))  # 400,000 categories: two products a request
            assert one.probabilities(titles(5), "branch").level == "branch"
        assert service.sizes() == [2, 2, 1, 5]
        assert answer.probability == [[1.0]] * 5

    def test_explanations_are_split_at_twenty(self) -> None:
        service = Service()
        with client(service) as one:
            assert one.explain(titles(41)).explanations == [{"doubt": None}] * 41
        assert service.sizes() == [20, 20, 1]

    def test_categories(self) -> None:
        tree = {"model": MODEL, "category_id": ["a"], "parent_id": [None], "name": ["A"], "leaf": [True]}
        with client(Service(httpx.Response(200, json=tree))) as one:
            found = one.categories()
        assert (found.category_id, found.parent_id, found.name, found.leaf) == (["a"], [None], ["A"], [True])

    @pytest.mark.parametrize(
        "content", [[], {}, {"model": MODEL}, {"model": MODEL, "product_id": [], "errors": []}, None, 3]
    )
    def test_what_is_no_answer_of_the_service_is_said(self, content: Any) -> None:
        with (
            client(Service(httpx.Response(200, text=json.dumps(content)))) as one,
            pytest.raises(ServiceUnavailable, match="answered what no scoring service answers"),
        ):
            one.categorize(titles(1))

    def test_a_page_in_the_place_of_an_answer(self) -> None:
        with (
            client(Service(httpx.Response(200, text="<html>"))) as one,
            pytest.raises(ServiceUnavailable, match="not JSON; check the address"),
        ):
            one.model()


class TestSplitting:
    def test_more_than_a_thousand_products_are_several_requests(self) -> None:
        service = Service()
        with client(service) as one:
            answer = one.categorize(titles(2500))
        assert service.sizes() == [1000, 1000, 500]
        assert answer.product_id == [str(number) for number in range(2500)]

    def test_no_request_is_larger_than_the_service_takes(self) -> None:
        service = Service()
        with client(service) as one:
            one.categorize([{"title": "ä" * 20_000}] * 300)
        assert sum(service.sizes()) == 300
        assert len(service.requests) == 3
        assert max(len(request.content) for request in service.requests) <= service_module.MAX_BODY + 100

    @pytest.mark.parametrize("price", [float("nan"), float("inf"), dt.date(2025, 1, 1)])
    def test_what_is_no_json_is_refused_before_it_is_sent(self, price: Any) -> None:
        service = Service()
        with client(service) as one, pytest.raises(DataError, match=r"^product 1: cannot be written as JSON"):
            one.categorize([{"title": "a"}, {"title": "b", "price": price}])
        assert service.requests == []

    def test_nothing_to_ask(self) -> None:
        with client(Service()) as one, pytest.raises(DataError, match="no products"):
            one.categorize([])


class TestTryingAgain:
    @pytest.mark.parametrize(
        "trouble",
        [
            httpx.ConnectError("refused"),
            httpx.ReadTimeout("slow"),
            httpx.RemoteProtocolError("closed"),
            *(problem(status, "busy") for status in (429, 502, 503, 504)),
        ],
        ids=str,
    )
    def test_what_may_pass_is_tried_again(self, trouble: Answer, clock: Clock) -> None:
        service = Service(trouble, trouble)
        with client(service) as one:
            assert one.categorize(titles(1)).decision == ["auto"]
        assert len(service.requests) == 3
        assert len(clock.pauses) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 501])
    def test_anything_else_is_not(self, status: int, clock: Clock) -> None:
        service = Service(problem(status, "no"))
        with client(service) as one, pytest.raises((ConfigurationError, DataError, ServiceUnavailable)) as refused:
            one.categorize(titles(1))
        assert len(service.requests) == 1
        assert clock.pauses == []
        assert "no" in str(refused.value)
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize(
        ("status", "kind"), [(401, ConfigurationError), (404, ConfigurationError), (413, DataError), (422, DataError)]
    )
    def test_a_refusal_says_who_can_mend_it(self, status: int, kind: type[Exception]) -> None:
        with client(Service(problem(status, "no"))) as one, pytest.raises(kind):
            one.model() if status != 422 else one.categorize(titles(1))

    @pytest.mark.parametrize("status", [400, 403, 408, 413, 418, 422, 431])
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "HTTP sent to HTTPS port\n",
            "<style>a{}</style><h1>Bad\x1b[2J <b>request</b>",
            '{"detail": "no"}',
            "[]",
            "3",
        ],
    )
    def test_what_stands_in_front_of_the_service_refuses_nothing_that_was_sent(self, status: int, body: str) -> None:
        with client(Service(httpx.Response(status, text=body))) as one, pytest.raises(ServiceUnavailable) as refused:
            one.model()
        said = str(refused.value)
        assert f"({status} " in said
        assert "check the URL, http or https, and the proxy" in said
        assert said.isprintable()
        if body.startswith("<"):
            assert ": Bad [2J request)" in said

    def test_the_pauses_double_at_most_and_are_random(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        bounds: list[tuple[float, float]] = []
        monkeypatch.setattr("aisle.client.sending.random.uniform", lambda low, high: bounds.append((low, high)) or high)
        with client(Service(*[problem(503, "busy")] * 8), retries=8, patience=1e9) as one:
            one.categorize(titles(1))
        assert bounds == [(0, high) for high in (0.5, 1, 2, 4, 8, 16, 20, 20)]
        assert clock.pauses == [high for _, high in bounds]

    def test_tries_are_bounded(self) -> None:
        service = Service(*[httpx.ConnectError("[Errno 111] Connection refused")] * 9)
        with client(service, retries=3) as one, pytest.raises(ServiceUnavailable) as gone:
            one.categorize(titles(1))
        assert len(service.requests) == 4
        assert str(gone.value) == (
            "http://service.test: no answer after 4 tries ([Errno 111] Connection refused); "
            "check that the service runs, then do the same again"
        )

    def test_the_whole_time_is_bounded(self, clock: Clock) -> None:
        service = Service(*[problem(503, "busy")] * 10_000)
        with client(service, retries=10_000, patience=100, timeout=1) as one, pytest.raises(ServiceUnavailable):
            one.categorize(titles(1))
        assert clock.now < 100
        assert len(service.requests) > 5

    def test_a_wait_in_seconds_is_kept(self, clock: Clock) -> None:
        with client(Service(problem(503, "busy", {"Retry-After": "7"}))) as one:
            one.categorize(titles(1))
        assert 7 <= clock.pauses[0] <= 7.5

    def test_a_wait_until_a_date_is_kept(self, clock: Clock) -> None:
        date = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30), usegmt=True)
        with client(Service(problem(429, "busy", {"Retry-After": date}))) as one:
            one.categorize(titles(1))
        assert 28 <= clock.pauses[0] <= 31

    def test_a_wait_longer_than_our_patience_is_not_begun(self, clock: Clock) -> None:
        service = Service(problem(503, "busy", {"Retry-After": "3600"}))
        with client(service) as one, pytest.raises(ServiceUnavailable, match="asks to wait 3600 s"):
            one.categorize(titles(1))
        assert clock.pauses == []

    def test_an_answer_that_trickles_is_given_up(self, clock: Clock) -> None:
        class Trickle(httpx.SyncByteStream):
            def __iter__(self) -> Any:
                while True:
                    clock.now += 1
                    yield b" "

        with (
            client(Service(httpx.Response(200, stream=Trickle())), timeout=10, retries=0) as one,
            pytest.raises(ServiceUnavailable, match="longer than 10 s"),
        ):
            one.model()
        assert clock.now == 11


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sat, 01 Mar 2025 12:01:00 GMT", 60.0),
        ("Saturday, 01-Mar-25 12:01:00 GMT", 60.0),
        ("Sat, 01 Mar 2025 12:01:00 -0000", 60.0),
        ("Sat, 01 Mar 2025 11:00:00 GMT", 0.0),
        ("Sat, 99 Mar 2025 11:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, lambda: dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)) == seconds


@given(st.text())
def test_no_retry_after_makes_us_fall_or_wait_for_less_than_nothing(value: str) -> None:
    assert (retry_after(value) or 0.0) >= 0


class TestKeysAndAddresses:
    def test_the_key_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AISLE_API_KEY", " s3cret\n")
        service = Service()
        with client(service) as one:
            one.categorize(titles(1))
        assert service.requests[0].headers["Authorization"] == "Bearer s3cret"

    def test_a_key_given_goes_before_it_and_none_sends_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        service = Service()
        with client(service) as one:
            one.categorize(titles(1))
        monkeypatch.setenv("AISLE_API_KEY", "other")
        with client(service, key="mine") as one:
            one.categorize(titles(1))
        assert "Authorization" not in service.requests[0].headers
        assert service.requests[1].headers["Authorization"] == "Bearer mine"

    def test_no_key_is_ever_said(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(0)
        service = Service(httpx.ConnectError("x"), problem(401, "unknown key"))
        with client(service, key="s3cret") as one:
            with pytest.raises(ConfigurationError, match=r"refused the key.*AISLE_API_KEY") as refused:
                one.model()
            assert "s3cret" not in repr(one) + str(refused.value) + caplog.text
        with pytest.raises(ConfigurationError) as odd:
            ServiceClient(URL, key="s3cret\nwith more")
        assert "s3cret" not in str(odd.value)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "service.test",
            "ftp://service.test",
            "http://",
            "file:///etc/passwd",
            "http://a/?x=1",
            "http://[::1",
            "http://a:b",
        ],
    )
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="http://HOST:PORT"):
            ServiceClient(url)

    def test_a_password_in_the_address_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(ConfigurationError, match="AISLE_API_KEY") as refused:
            ServiceClient("http://ann:s3cret@service.test")
        assert "s3cret" not in str(refused.value)

    def test_a_redirection_is_not_followed(self) -> None:
        service = Service(httpx.Response(302, headers={"Location": "http://elsewhere.test/"}))
        with client(service, key="s3cret") as one, pytest.raises(ConfigurationError, match="check the URL"):
            one.model()
        assert [request.url.host for request in service.requests] == ["service.test"]

    @pytest.mark.parametrize(
        ("answer", "ready"),
        [
            (httpx.Response(200, json={"ready": True}), True),
            (httpx.Response(200, json={"ready": False}), False),
            (httpx.Response(200, json=[]), False),
            (httpx.Response(200, text="<html>"), False),
            (httpx.Response(503, json={"ready": True}), False),
            (httpx.ConnectError("refused"), False),
        ],
        ids=str,
    )
    def test_ready(self, answer: Answer, ready: bool) -> None:
        with client(Service(answer)) as one:
            assert one.ready() is ready

    def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
        with ServiceClient("http://127.0.0.1:9", retries=0) as one, pytest.raises(ServiceUnavailable, match="refused"):
            one.model()
