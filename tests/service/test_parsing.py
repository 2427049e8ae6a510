from __future__ import annotations

import json
import time
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.parsing import RULES, Batch, read_products, read_request
from service.problems import Refused
from service.schemas import CategorizeRequest, Code, ExplainRequest, ProbabilitiesRequest, Product, ProductError
from tests.service.asking import CATEGORIZE, Client, stub_engine

GOOD = b'{"title":"drill"}'
SECRET = "sEcReT"


def request_of(*products: bytes) -> bytes:
    return b'{"products":[' + b",".join(products) + b"]}"


def refused(body: bytes, kind: type = CategorizeRequest) -> Refused:
    with pytest.raises(Refused) as caught:
        read_products(read_request(body, kind))
    return caught.value


def outcome(body: bytes) -> Batch | Refused:
    try:
        return read_products(read_request(body, CategorizeRequest))
    except Refused as problem:
        return problem


def error_of(product: bytes) -> ProductError:
    """The error of a bad product between two good ones, which are read all the same."""
    batch = read_products(read_request(request_of(GOOD, product, GOOD), CategorizeRequest))
    assert (batch.size, batch.places, [one.title for one in batch.products]) == (3, [0, 2], ["drill", "drill"])
    (error,) = batch.errors
    assert error.place == 1
    return error


def test_a_full_product_is_read() -> None:
    product = {
        "product_id": "4006381333931",
        "revision": 2,
        "title": "Bohrhammer 🔨\t18 V",
        "description": "a\nb\r",
        "brand": "",
        "seller_category": "Tools > Drills",
        "price": 3,
        "currency": "EUR",
        "seller": "shop",
    }
    for body in (json.dumps({"products": [product]}), json.dumps({"products": [product]}, ensure_ascii=False)):
        batch = read_products(read_request(body.encode(), CategorizeRequest))
        assert batch.products == [Product(**product)]
        assert not batch.errors


@pytest.mark.parametrize(
    ("product", "field", "code"),
    [
        (b"[]", None, "type"),
        (b"null", None, "type"),
        (b"[" * 900 + b"]" * 900, None, "type"),
        (b"{}", "title", "missing"),
        (b'{"title":null}', "title", "type"),
        (b'{"title":["x"]}', "title", "type"),
        (b'{"title":""}', "title", "length"),
        (b'{"title":" \\t\\n"}', "title", "blank"),
        (b'{"title":"' + b"x" * 1001 + b'"}', "title", "length"),
        (b'{"title":"x","product_id":""}', "product_id", "length"),
        (b'{"title":"x","product_id":7}', "product_id", "type"),
        (b'{"title":"x","product_id":"' + b"x" * 201 + b'"}', "product_id", "length"),
        (b'{"title":"x","description":"' + b"x" * 20001 + b'"}', "description", "length"),
        (b'{"title":"x","brand":"' + b"x" * 201 + b'"}', "brand", "length"),
        (b'{"title":"x","seller_category":"' + b"x" * 1001 + b'"}', "seller_category", "length"),
        (b'{"title":"x","currency":"' + b"x" * 11 + b'"}', "currency", "length"),
        (b'{"title":"x","seller":"' + b"x" * 201 + b'"}', "seller", "length"),
        (b'{"title":"x","price":"3"}', "price", "type"),
        (b'{"title":"x","price":-0.01}', "price", "range"),
        (b'{"title":"x","price":1e999}', "price", "range"),
        (b'{"title":"x","price":true}', "price", "type"),
        (b'{"title":"x","revision":0}', "revision", "range"),
        (b'{"title":"x","revision":2147483648}', "revision", "range"),
        (b'{"title":"x","revision":null}', "revision", "type"),
        (b'{"title":"x","revision":' + b"9" * 100_000 + b"}", "revision", "range"),
        (b'{"title":"x","colour":"red"}', None, "unknown_field"),
        (b'{"title":"x","at `$.title`":1}', None, "unknown_field"),
        (b'{"title":"x","title":"x"}', "title", "duplicate_field"),
        (b'{"title":"x","seller":"y" , "s\\u0065ller" :"y"}', "seller", "duplicate_field"),
        (b'{"title":"x\xff"}', None, "not_utf8"),
        ("{\"title\":\"Säge\"}".encode("latin-1"), None, "not_utf8"),
        (b'{"title":"\xed\xa0\x80"}', None, "not_utf8"),
        (b'{"title":"x\\u0000"}', "title", "character"),
        (b'{"title":"x\\b"}', "title", "character"),
        (b'{"title":"x\x7f"}', "title", "character"),
        (b'{"title":"x\xc2\x85"}', "title", "character"),
        (b'{"title":"x\\u009F"}', "title", "character"),
        (b'{"title":"x","brand":"\\ud83d"}', "brand", "character"),
        (b'{"title":"x","product_id":"\\uDE00\\ud83d"}', "product_id", "character"),
    ],
)  # fmt: skip
def test_a_bad_product_is_an_error_of_its_place(product: bytes, field: str | None, code: str) -> None:
    error = error_of(product)
    assert (error.field, error.code) == (field, code)
    assert error.code in get_args(Code)
    if field:
        assert error.detail.startswith(f"{field} ")


@pytest.mark.parametrize(
    "product",
    [
        b'{"title":"a \\"title\\": of \\\\b and \\\\ud800"}',
        b'{"title":"title","seller":"title"}',
        b'{"title":"{\\"title\\":1,\\"title\\":2}"}',
        b'{"title":"\\ud83d\\ude00 \\u00e4 \\u0041"}',
        '{"title":"Â£ °"}'.encode(),
        b'{"title":"' + b"x" * 1000 + b'"}',
        b'{"title":"x","price":0,"revision":2147483647}',
    ],
)
def test_what_only_looks_odd_is_good(product: bytes) -> None:
    batch = read_products(read_request(request_of(product), CategorizeRequest))
    assert batch.products == [Product(**json.loads(product))]


def test_the_id_of_a_bad_product_is_told_where_it_is_one() -> None:
    assert error_of(b'{"product_id":"p 1","title":" "}').product_id == "p 1"
    assert error_of(b'{"product_id":"p1","title":"x","y":{"z":[1e999]}}').product_id == "p1"
    for unreadable in (b"7", b'""', b'"\\u0001"', b'"' + b"x" * 201 + b'"', b'"\xff"'):
        assert error_of(b'{"product_id":' + unreadable + b"}").product_id is None


def test_where_no_product_is_good_all_errors_are_listed() -> None:
    problem = refused(request_of(b"{}", b"3"))
    assert problem.status == 422
    assert [(one.place, one.code) for one in problem.errors] == [(0, "missing"), (1, "type")]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "empty"),
        (b" \n", 400, "empty"),
        (b"\xef\xbb\xbf" + request_of(GOOD), 400, "UTF-8"),
        (request_of(GOOD).decode().encode("utf-16"), 400, "UTF-8"),
        (request_of(GOOD).decode().encode("utf-16-be"), 400, "UTF-8"),
        (request_of(GOOD).decode().encode("utf-32-le"), 400, "UTF-8"),
        (b'{"products":[' + GOOD + b'],"\xff":1}', 400, "UTF-8"),
        (b"{", 400, "too early"),
        (request_of(GOOD) + b"x", 400, "byte 33"),
        (request_of(b'{"title":"x","price":NaN}'), 400, "not finite"),
        (request_of(b'{"title":"x","price":-Infinity}'), 400, "not finite"),
        (b'{"products":' + b"[" * 2_000_000, 400, "deep"),
        (request_of(b"[" * 5000 + b"]" * 5000), 400, "deep"),
        (b"[" * 2_000_000, 422, "an object"),
        (b"null", 422, "an object"),
        (b"{}", 422, "products must be a list of 1 to 1,000"),
        (b'{"products":[]}', 422, "products must be a list of 1 to 1,000"),
        (b'{"products":{}}', 422, "products must be a list of 1 to 1,000"),
        (request_of(*[GOOD] * 1001), 422, "products must be a list of 1 to 1,000"),
        (b'{"products":[' + GOOD + b'],"alternatives":11}', 422, "alternatives must be"),
        (b'{"products":[' + GOOD + b'],"alternatives":1e400}', 422, "alternatives must be"),
        (b'{"products":[' + GOOD + b'],"level":"branch"}', 422, "not one of products, alternatives"),
        (b'{"products":[' + GOOD + b'],"products":[' + GOOD + b"]}", 422, "products stands there twice"),
        (b'{"products":[' + GOOD + b'],"\\u0070roducts":[' + GOOD + b"]}", 422, "products stands there twice"),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused(body: bytes, status: int, word: str) -> None:
    problem = refused(body)
    assert problem.status == status
    assert word in problem.detail


@pytest.mark.parametrize("depth", [900, 950, 990, 1000, 3000])
@pytest.mark.parametrize("blanks", [0, 2**16])
def test_what_is_nested_too_deeply_is_no_defect(depth: int, blanks: int) -> None:
    """Names are looked for twice only where one may be spelt with escapes, with less room on the stack."""
    body = b'{"products":[{"title":"\\u0041"},' + b"[" * depth + b"]" * depth + b"]}" + b" " * blanks
    answer = Client(stub_engine()).post(CATEGORIZE, body)
    assert answer.status_code in ((400,) if depth > 1000 else (200, 400))  # how deep it may be is up to the stack
    if answer.status_code == 400:
        assert "nested too deeply" in answer.json()["detail"]


def test_each_kind_of_request_has_its_own_rules() -> None:
    assert "1 to 20" in refused(request_of(*[GOOD] * 21), ExplainRequest).detail
    assert "neighbours" in refused(b'{"products":[{"title":"x"}],"neighbours":-1}', ExplainRequest).detail
    assert '"branch"' in refused(b'{"products":[{"title":"x"}],"level":"leaf"}', ProbabilitiesRequest).detail


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join([b'"products":[]'] * 300_000) + b"}",
        b'{"products":[{"title":"x"}],' + b",".join([b'"alternatives":1'] * 300_000) + b"}",
        request_of(b'{"title":"' + b"\\ud800" * 800_000 + b'"}'),
        request_of(b'{"title":"x","price":' + b"9" * 5_000_000 + b"}"),
        request_of(b'{"title":"' + b" " * 1000 + b'"}'),
        request_of(b"{" + b",".join([b'"title":"x"'] * 400_000) + b"}"),
    ],
)
def test_a_malicious_body_takes_no_longer_than_its_size(body: bytes) -> None:
    begun = time.process_time()
    refused(body)
    assert time.process_time() - begun < 2.0


def test_nothing_of_a_product_is_repeated_in_an_error() -> None:
    bad: list[dict[str, Any]] = [{name: f"{SECRET}\x01" if name == "title" else SECRET * 9000} for name in RULES]
    bad += [{"title": "x", SECRET: 1}, {"title": SECRET, "price": SECRET}, {SECRET: SECRET}]
    problem = refused(json.dumps({"products": bad}).encode())
    assert len(problem.errors) == len(bad)
    assert SECRET not in repr(problem.errors) + problem.detail
    assert SECRET not in refused(json.dumps({"products": [{"title": "x"}], SECRET: SECRET}).encode()).detail
    assert SECRET not in refused(f'{{"products": [{{"title": {SECRET}}}]}}'.encode()).detail


def test_the_rules_name_every_field_and_its_bounds() -> None:
    assert set(RULES) == set(Product.__struct_fields__)
    for name, hint in get_type_hints(Product, include_extras=True).items():
        for kind in (hint, *get_args(hint)):
            for meta in getattr(kind, "__metadata__", ()):
                for bound in (meta.max_length, meta.le):
                    assert bound is None or f"{bound:,}" in RULES[name]


_text = st.text(st.characters(codec="utf-8"), max_size=20)
_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text, lambda inner: st.lists(inner, max_size=3)
)
_product = st.dictionaries(st.sampled_from(list(RULES)) | _text, _value | st.text(max_size=5), max_size=5)


@given(st.lists(_product | _value, min_size=1, max_size=5), st.booleans())
def test_whatever_is_sent_is_read_or_refused(products: list[Any], ascii_only: bool) -> None:
    """Every product is read as it was sent, or has one error; nothing else is raised."""
    body = json.dumps({"products": products}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    batch = outcome(body)
    if isinstance(batch, Refused):
        assert batch.status == 400 or len(batch.errors) == len(products)
        return
    assert sorted([*batch.places, *(error.place for error in batch.errors)]) == list(range(len(products)))
    for place, product in zip(batch.places, batch.products, strict=True):
        sent = {name: value for name, value in products[place].items() if value is not None}
        assert {name: getattr(product, name) for name in sent} == sent
        assert not any(0xD800 <= ord(one) < 0xE000 for one in json.dumps(sent, ensure_ascii=False))


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_one_line(noise: bytes) -> None:
    for body in (noise, b'{"products":[' + noise + b"]}", b'{"products":[{"title":"' + noise):
        found = outcome(body)
        if isinstance(found, Refused):
            assert found.status in (400, 422)
            assert found.detail.isprintable()
