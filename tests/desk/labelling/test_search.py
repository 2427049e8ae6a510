from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.taxonomy import Category, Taxonomy
from desk.labelling import search
from desk.labelling.search import Index, learnt_of
from desk.labelling.words import Vocabulary, slips, stem, words_of
from desk.people.models import Person
from tests.desk.labelling.items import ask, look_again, say

TREE = Taxonomy(
    Category(*row)
    for row in [
        ("tools", None, "Tools and DIY"), ("power", "tools", "Power tools"), ("cd", "power", "Cordless drills"),
        ("hd", "power", "Hammer drills"), ("ha", "tools", "Hammers and axes"), ("bits", "tools", "Drill bits"),
        ("toys", None, "Toys"), ("pz", "toys", "Puzzles"), ("cars", "toys", "Toy cars"), ("be", "toys", "Bébé toys"),
        ("photo", None, "Photo"), ("cam", "photo", "Cameras"), ("box", "photo", "Camera boxes"),
    ]
)  # fmt: skip
INDEX = Index(TREE)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("puzzles", "pz"),
        ("puz", "pz"),
        ("PUZZLE", "pz"),
        ("puzle", "pz"),  # a letter missing
        ("puzzzles", "pz"),  # one too many
        ("pizzles", "pz"),  # a wrong one
        ("pzuzles", "pz"),  # two swapped
        ("hamer", "hd"),  # not cameras, which are as near
        ("cordles dril", "cd"),
        ("power hammer", "hd"),
        ("drill bits", "bits"),
        ("bebe", "be"),  # accents do not count
        ("rdless", "cd"),  # the middle of a word
        ("camera box", "box"),
        ("camera", "cam"),  # the name that says no more than was typed
        ("CD", "cd"),  # an id
        ("tools axes", "ha"),  # a word of the path with one of the name
    ],
)
def test_what_is_typed_finds_its_category(text: str, first: str) -> None:
    assert INDEX.find(text)[0] == first


def test_a_branch_brings_its_leaves_and_nonsense_brings_none() -> None:
    assert set(INDEX.find("tools")) == {"cd", "hd", "ha", "bits"}
    for text in ("", "   ", "?!", "qqqqqq", "xx"):
        assert INDEX.find(text) == []


def test_words_of_past_answers_find_their_category() -> None:
    rows: list[tuple[str, str | None]] = [("Ravensburger 1000 pieces", "pz")] * 3 + [("Ravensburger car", "cars")]
    rows += [("Blue thing", "pz"), ("Blue thing", "cars"), ("Blue thing", "cd"), ("Once", "cam"), ("No", None)]
    index = Index(TREE, learnt_of(rows))
    assert index.find("ravens")[0] == "pz"
    assert index.find("blue") == []  # it means nothing
    assert index.find("once") == []  # said once
    assert index.find("puzzles")[0] == "pz"


@pytest.mark.django_db
def test_nothing_is_learnt_while_somebody_is_still_asked(tree: Path, person: Callable[..., Person]) -> None:
    tasks = [ask(title="Wobblegong") for _ in range(3)]
    for task in tasks:
        say(task, person("labeller", "ada"), "saws")
    assert search.learn().words == {}
    for task in tasks[:2]:
        say(look_again(task), person("labeller", "bob"), "saws")
    assert search.learn().words == {"wobblegong": {"saws": 1.0}}
    search.forget()
    assert search.find("wobble") == ["saws"]


def test_the_tree_is_read_again_when_it_changes(tree: Path) -> None:
    search.forget()
    index = Index(search.taxonomy())
    assert index.find("drills") == ["drills"]
    tree.write_text("category_id,parent_id,name\nfood,,Food\ntea,food,Green tea\nrice,food,Rice\n", encoding="utf-8")
    assert Index(search.taxonomy()).find("green") == ["tea"]


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    found = INDEX.find(text)
    assert len(found) == len(set(found)) <= 10
    assert set(found) <= set(TREE.leaves)


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_slips_count_the_same_both_ways_and_stop_where_they_are_too_many(left: str, right: str) -> None:
    number = slips(left, right, 20)
    assert number == slips(right, left, 20)
    assert (number == 0) == (left == right)
    assert number <= max(len(left), len(right))
    assert min(slips(left, right, 1), 2) == min(number, 2)


@given(st.lists(st.text("abcde", min_size=1, max_size=6), max_size=20), st.text("abcde", min_size=1, max_size=4))
def test_a_vocabulary_finds_all_that_begin_so_or_hold_it(words: list[str], part: str) -> None:
    vocabulary = Vocabulary(words)
    assert vocabulary.beginning(part) == sorted({word for word in words if word.startswith(part)})
    inside = {word for word in words if part in word[1:] and not word.startswith(part)}
    assert set(vocabulary.holding(part)) == (inside if len(part) >= 3 else set())


@pytest.mark.parametrize(
    ("word", "ground"),
    [("drills", "drill"), ("boxes", "box"), ("batteries", "battery"), ("glass", "glass"), ("as", "as")],
)
def test_endings_do_not_count(word: str, ground: str) -> None:
    assert stem(word) == ground
    assert words_of(f" {word.upper()}-x ") == [ground, "x"]


def test_a_search_among_4000_categories_is_quick() -> None:
    draw = random.Random(1)
    parts = [one + two for one in "bdfgklmnprst" for two in ("a", "e", "i", "o", "ar", "el", "in", "or")]
    words = ["".join(draw.choices(parts, k=draw.randint(2, 4))) for _ in range(5000)]
    rows = [Category(f"b{number}", None, draw.choice(words)) for number in range(40)]
    rows += [
        Category(f"l{number}", f"b{draw.randrange(40)}", " ".join(draw.choices(words, k=2))) for number in range(4000)
    ]
    index = Index(Taxonomy(rows))
    seconds = []
    for number in range(200):
        typed = list(rows[40 + number].name)
        typed[draw.randrange(len(typed))] = draw.choice("aeiou")
        started = time.process_time()
        assert index.find("".join(typed)) is not None
        seconds.append(time.process_time() - started)
    assert statistics.median(seconds) < 0.030
