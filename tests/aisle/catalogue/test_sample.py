from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.catalogue.sample import write_sample
from aisle.catalogue.sample.flow import FIRST_DAY, Flow, Size
from aisle.catalogue.sample.plants import KINDS, Plant, new_kinds
from aisle.catalogue.sample.stream import write_stream
from aisle.catalogue.sample.tree import choose_leaves
from aisle.catalogue.sample.vocabulary import branches_by_hand, leaves_by_hand, unseen_kinds
from aisle.catalogue.sample.wording import abbreviate, inflect
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.errors import ConfigurationError, DataError
from aisle.files import sha256_of

SIZE = {"products": 2000, "categories": 60, "branches": 4, "sellers": 20, "days": 40}
TABLES = ("products", "labels", "predictions")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "data", folder / "truth.parquet", **SIZE, seed=3)
    return folder / "data", folder / "truth.parquet"


@pytest.fixture(scope="module")
def tables(sample: tuple[Path, Path]) -> dict[str, pd.DataFrame]:
    return {table: read_table(sample[0], table) for table in TABLES}


@pytest.fixture(scope="module")
def truth(sample: tuple[Path, Path]) -> pd.DataFrame:
    return pd.read_parquet(sample[1]).set_index("product_id")


def bytes_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(sample: tuple[Path, Path], tmp_path: Path) -> None:
    write_sample(tmp_path / "again", tmp_path / "truth.parquet", **SIZE, seed=3)
    assert bytes_of(tmp_path / "again") == bytes_of(sample[0])
    assert sha256_of(tmp_path / "truth.parquet") == sha256_of(sample[1])
    write_sample(tmp_path / "other", tmp_path / "other.parquet", **SIZE, seed=4)
    assert bytes_of(tmp_path / "other") != bytes_of(sample[0])


def test_there_are_as_many_as_asked_for(sample: tuple[Path, Path], tables: dict[str, pd.DataFrame]) -> None:
    products, tree = tables["products"], read_taxonomy(sample[0] / "taxonomy.csv")
    assert len(products) == SIZE["products"]
    assert products["product_id"].is_unique
    assert (len(tree.leaves), len(tree.branches)) == (SIZE["categories"], SIZE["branches"])
    assert products["title"].str.strip().str.len().min() > 0
    days = products["received_at"].dt.date
    assert (days.min(), days.max()) == (FIRST_DAY, FIRST_DAY + datetime.timedelta(days=SIZE["days"] - 1))


def test_one_import_then_a_shard_a_day(sample: tuple[Path, Path], tables: dict[str, pd.DataFrame]) -> None:
    names = [path.stem for path in sorted((sample[0] / "products").glob("*.parquet"))]
    assert names[0] == "2025-01-20-import"
    assert len(names) == 1 + SIZE["days"] // 2
    assert [path.stem for path in sorted((sample[0] / "predictions").glob("*.parquet"))] == names[1:]
    brought_in = tables["products"]["shard"] == names[0]
    assert 0.4 < brought_in.mean() < 0.6


def test_the_truth_covers_all_products_and_names_the_labels_planted_wrong(
    tables: dict[str, pd.DataFrame], truth: pd.DataFrame
) -> None:
    assert set(truth.index) == set(tables["products"]["product_id"])
    labels = tables["labels"].query("status == 'answered' and origin in ('import', 'review', 'audit')")
    wrong = labels[labels["category_id"].to_numpy() != truth.loc[labels["product_id"], "category_id"].to_numpy()]
    planted = truth[truth["planted_category_id"].notna()]
    assert len(wrong) > 10
    assert set(zip(wrong["product_id"], wrong["origin"], wrong["category_id"], strict=True)) == set(
        zip(planted.index, planted["planted_origin"], planted["planted_category_id"], strict=True)
    )


def test_two_in_a_hundred_answers_of_one_person_are_wrong(tmp_path: Path) -> None:
    write_sample(tmp_path / "data", tmp_path / "truth.parquet", **(SIZE | {"products": 8000}), seed=5)
    labels = read_table(tmp_path / "data", "labels").query("origin == 'import'")
    true = pd.read_parquet(tmp_path / "truth.parquet").set_index("product_id")["category_id"]
    wrong = labels["category_id"].to_numpy() != true[labels["product_id"]].to_numpy()
    assert wrong.mean() == pytest.approx(0.02, abs=3 * np.sqrt(0.02 * 0.98 / len(labels)))


def test_every_label_carries_its_probabilities(tables: dict[str, pd.DataFrame]) -> None:
    labels = tables["labels"]
    for column in ("audit_probability", "inclusion_probability"):
        assert labels[column].between(0, 1, inclusive="right").all()
    assert (labels["inclusion_probability"] >= labels["audit_probability"] - 1e-9).all()
    brought_in = labels[labels["origin"] == "import"]
    assert (brought_in[["audit_probability", "inclusion_probability"]] == 1).all(axis=None)
    assert brought_in["labeller"].isna().all()
    assert {"import", "audit", "review", "model", "correction"} == set(labels["origin"])
    assert labels.loc[labels["origin"] == "review", "inclusion_probability"].min() < 1  # queues are not always finished


def test_audits_are_those_drawn(tables: dict[str, pd.DataFrame]) -> None:
    predictions, labels = tables["predictions"], tables["labels"]
    audits = labels[labels["origin"] == "audit"].merge(predictions, on="product_id", suffixes=("", "_predicted"))
    assert set(audits["product_id"]) == set(predictions.loc[predictions["audit_drawn"], "product_id"])
    assert (audits["audit_probability"] == audits["audit_probability_predicted"]).all()
    assert audits.loc[audits["blind"], "suggested_category_id"].isna().all()
    shown = audits[~audits["blind"]]
    assert (shown["suggested_category_id"] == shown["category_id_predicted"]).all()
    skipped = audits["status"] == "skipped"
    assert audits.loc[skipped, "category_id"].isna().all()
    contradicts = (audits["decision"] == "auto") & ~skipped & (audits["category_id"] != audits["category_id_predicted"])
    assert (audits["adjudicated"] == contradicts).all()


def test_decisions_follow_the_threshold_and_model_labels_the_decisions(tables: dict[str, pd.DataFrame]) -> None:
    predictions, labels = tables["predictions"], tables["labels"]
    auto = predictions["confidence"] >= predictions["threshold"]
    assert ((predictions["decision"] == "auto") == auto).all()
    accepted = labels[labels["origin"] == "model"].set_index("product_id")["category_id"].sort_index()
    assert accepted.equals(predictions[auto].set_index("product_id")["category_id"].sort_index())
    reviewed = set(labels.loc[labels["origin"] == "review", "product_id"])
    assert reviewed <= set(predictions.loc[~auto & ~predictions["audit_drawn"], "product_id"])


def test_the_inclusion_probability_holds_the_share_answered(tables: dict[str, pd.DataFrame]) -> None:
    predictions, labels = tables["predictions"], tables["labels"]
    queued = predictions[(predictions["decision"] == "review") & ~predictions["audit_drawn"]].copy()
    queued["answered"] = queued["product_id"].isin(labels.loc[labels["origin"] == "review", "product_id"])
    queued["band"] = queued["confidence"] < 0.5
    share = queued.groupby(["shard", "band"])["answered"].transform("mean")
    expected = pd.Series(1 - (1 - queued["audit_probability"]) * (1 - share)).set_axis(queued["product_id"])
    reviews = labels[labels["origin"] == "review"].set_index("product_id")["inclusion_probability"]
    np.testing.assert_allclose(reviews, expected[reviews.index], atol=1e-6)


def test_people_take_their_time(tables: dict[str, pd.DataFrame]) -> None:
    labels = tables["labels"].dropna(subset=["labeller"]).sort_values(["labeller", "labelled_at"])
    gaps = labels.groupby("labeller")["labelled_at"].diff().dropna().dt.total_seconds()
    assert gaps.min() > 2
    answered = labels.merge(tables["products"][["product_id", "received_at"]], on="product_id")
    assert (answered["labelled_at"] > answered["received_at"]).all()


def test_the_same_thing_from_several_sellers_has_one_group_and_one_category(
    tables: dict[str, pd.DataFrame], truth: pd.DataFrame
) -> None:
    known = tables["products"].dropna(subset=["group_id"])
    category = known["product_id"].map(truth["category_id"])
    assert (category.groupby(known["group_id"]).nunique() == 1).all()
    assert (known.groupby("group_id")["seller"].nunique() > 1).sum() > 20


def test_new_things_come_late() -> None:
    flow = Flow(Size(6000, 200, 12, 60, 60, 0))
    late = {"household.air-fryers"}
    days = [flow.day(FIRST_DAY + datetime.timedelta(days=i), count) for i, count in enumerate(flow.counts())]
    kinds = [bool(late & set(truth)) for _, truth in days]
    stranger = [flow.sellers[-1].name in set(products["seller"]) for products, _ in days]
    assert not any(kinds[:45])
    assert any(kinds[45:])
    assert not any(stranger[:48])
    assert sum(stranger[48:]) > 6


def test_the_default_is_as_uneven_as_real_catalogues() -> None:
    flow = Flow(Size(12_000, 200, 12, 60, 180, 0))
    truth = [
        category for i, n in enumerate(flow.counts()) for category in flow.day(FIRST_DAY + datetime.timedelta(i), n)[1]
    ]
    counts = pd.Series(truth).value_counts().reindex([leaf.category_id for leaf in flow.leaves], fill_value=0)
    assert counts.max() > 500
    assert 10 < (counts < 15).sum() < 80


@pytest.mark.parametrize(("categories", "branches"), [(2, 1), (5, 5), (200, 12), (230, 12), (90, 20), (900, 30)])
def test_a_tree_of_any_size(categories: int, branches: int) -> None:
    leaves = choose_leaves(categories, branches, 0)
    assert len({leaf.category_id for leaf in leaves}) == len({leaf.name for leaf in leaves}) == categories
    assert len({leaf.branch.branch_id for leaf in leaves}) == branches


def test_the_words_hang_together() -> None:
    leaves = [leaf for branch in branches_by_hand() for leaf in leaves_by_hand(branch)]
    names = {leaf.name for leaf in leaves}
    assert len(leaves) == 200
    for leaf in leaves:
        assert set(leaf.nouns) == {"en", "de", "fr", "nl"}, leaf.name
        assert set(leaf.fits) <= names, leaf.name
        assert leaf.name not in leaf.fits
        assert len(leaf.attributes) <= 8
        bound = [number for attribute in leaf.attributes for number in attribute.nouns or ()]
        assert all(0 <= number < len(leaf.nouns["en"]) for number in bound), leaf.name
    assert {row["category_id"] for row in unseen_kinds()} <= {leaf.category_id for leaf in leaves}
    assert all(new_kinds(branch) for branch in branches_by_hand()[:4])


def test_words_are_shortened_and_inflected() -> None:
    assert [abbreviate(word) for word in ("sleeping", "with", "drill", "hammock", "BX-240")] == [
        "slp",
        "w/",
        "drill",
        "hmmck",
        "BX-240",
    ]
    assert [inflect(word) for word in ("drill", "battery", "brush", "nuts", "glass", "knife", "shelf")] == [
        "drills",
        "batteries",
        "brushes",
        "nut",
        "glasses",
        "knives",
        "shelves",
    ]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"products": 0}, "--products 0 is too few"),
        ({"sellers": 1}, "--sellers 1 is too few"),
        ({"days": 3}, "--days 3 is too few"),
        ({"branches": 0}, "--branches 0 is too few"),
        ({"categories": 3, "branches": 4}, "3 categories are too few for 4 branches"),
    ],
)
def test_sizes_that_cannot_be_made(tmp_path: Path, size: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        write_sample(tmp_path / "data", tmp_path / "truth.parquet", **(SIZE | size))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    small = SIZE | {"products": 200, "days": 4}
    write_sample(tmp_path / "data", tmp_path / "truth.parquet", **small)
    before = bytes_of(tmp_path)
    with pytest.raises(DataError, match="holds a catalogue already; add --replace"):
        write_sample(tmp_path / "data", tmp_path / "truth.parquet", **small, seed=1)
    assert bytes_of(tmp_path) == before
    write_sample(tmp_path / "data", tmp_path / "truth.parquet", **small, seed=1, replace=True)
    assert bytes_of(tmp_path) != before


def test_a_folder_of_other_things_is_refused_even_to_replace(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("Dear Mother", encoding="utf-8")
    with pytest.raises(DataError, match="holds something that is no catalogue"):
        write_sample(tmp_path / "letters", tmp_path / "truth.parquet", **SIZE, replace=True)
    assert (tmp_path / "letters" / "mother.txt").exists()


def test_the_truth_never_lies_inside_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must not lie inside the catalogue"):
        write_sample(tmp_path / "data", tmp_path / "data" / "truth.parquet", **SIZE)
    assert list(tmp_path.iterdir()) == []


def test_an_error_half_way_leaves_nothing(tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_sample(tmp_path / "data", tmp_path / "truth.parquet", **SIZE, progress=full)
    assert list(tmp_path.iterdir()) == []


class TestStream:
    SAME = {name: SIZE[name] for name in ("categories", "branches", "sellers")} | {"seed": 3}

    @pytest.fixture
    def copy(self, sample: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
        import shutil

        shutil.copytree(sample[0], tmp_path / "data")
        shutil.copy(sample[1], tmp_path / "truth.parquet")
        return tmp_path / "data", tmp_path / "truth.parquet"

    def streamed(self, copy: tuple[Path, Path], plant: str, days: int = 6) -> tuple[pd.DataFrame, pd.Series]:
        before = len(list((copy[0] / "products").glob("*.parquet")))
        names = write_stream(*copy, plant=plant, days=days, **self.SAME)
        products = read_table(copy[0], "products")
        assert len(list((copy[0] / "products").glob("*.parquet"))) == before + days
        truth = pd.read_parquet(copy[1]).set_index("product_id")["category_id"]
        assert truth.index.is_unique
        assert set(truth.index) == set(products["product_id"])
        new = products[products["shard"].isin(names)]
        return new, truth[new["product_id"]]

    @pytest.mark.parametrize("plant", KINDS)
    def test_days_follow_and_what_was_there_stands(self, copy: tuple[Path, Path], plant: str) -> None:
        before = bytes_of(copy[0])
        new, _ = self.streamed(copy, plant)
        assert new["received_at"].dt.date.min() == FIRST_DAY + datetime.timedelta(days=SIZE["days"])
        after = bytes_of(copy[0])
        assert {name: after[name] for name in before} == before

    def test_it_goes_on_from_where_it_ended_and_refuses_days_twice(self, copy: tuple[Path, Path]) -> None:
        first = write_stream(*copy, days=3, **self.SAME)
        second = write_stream(*copy, days=3, plant="cut_titles", **self.SAME)
        assert second[0] > first[-1]
        before = bytes_of(copy[0])
        with pytest.raises(DataError, match=f"holds products of {first[1]} already"):
            write_stream(*copy, days=3, start=datetime.date.fromisoformat(first[1]), **self.SAME)
        assert bytes_of(copy[0]) == before

    def test_the_same_arguments_give_the_same_days(self, copy: tuple[Path, Path], tmp_path: Path) -> None:
        import shutil

        shutil.copytree(copy[0], tmp_path / "other")
        names = write_stream(*copy, days=2, plant="new_kind", **self.SAME)
        write_stream(tmp_path / "other", tmp_path / "new-truth.parquet", days=2, plant="new_kind", **self.SAME)
        one, other = bytes_of(copy[0]), bytes_of(tmp_path / "other")
        assert one == other
        assert len(names) == 2

    def test_as_many_products_a_day_as_asked_for(self, copy: tuple[Path, Path]) -> None:
        names = write_stream(*copy, days=3, per_day=25, **self.SAME)
        new = read_table(copy[0], "products", shards=names)
        assert new["shard"].value_counts().to_dict() == dict.fromkeys(names, 25)
        with pytest.raises(ConfigurationError, match="--per-day 0 is too few; 1 is the least"):
            write_stream(*copy, per_day=0, **self.SAME)

    def test_a_new_seller(self, copy: tuple[Path, Path]) -> None:
        new, _ = self.streamed(copy, "new_seller")
        assert (new["seller"] == "Liquidation Lot").mean() == pytest.approx(0.25, abs=0.09)

    def test_cut_titles(self, copy: tuple[Path, Path]) -> None:
        quiet, cut = self.streamed(copy, "quiet")[0], self.streamed(copy, "cut_titles")[0]
        assert (cut["title"].str.len() <= 19).mean() > (quiet["title"].str.len() <= 19).mean() + 0.2

    def test_a_new_kind(self, copy: tuple[Path, Path]) -> None:
        new, _ = self.streamed(copy, "new_kind")
        words = "borescope|translator|snow|ozone|inspection|endoscope|odour|dictaphone|thermal|voice|salt|ceramic"
        assert new["title"].str.contains(words, case=False).mean() > 0.05

    def test_swapped_categories(self) -> None:
        leaves = choose_leaves(20, 2, 0)
        popular = np.arange(20.0)
        ids = [leaf.category_id for leaf in leaves]
        swapped = Plant("swapped_categories").truth(ids, popular, leaves)
        assert swapped[18:] == ids[:-3:-1]  # the two most frequent
        assert Plant("swapped_categories").truth(swapped, popular, leaves) == ids
        assert [new == old for new, old in zip(swapped, ids, strict=True)] == [True] * 14 + [False] * 6
        assert Plant("quiet").truth(ids, popular, leaves) == ids

    def test_another_sample_is_refused(self, copy: tuple[Path, Path]) -> None:
        with pytest.raises(DataError, match="give the same --categories, --branches and --seed"):
            write_stream(*copy, days=2, **(self.SAME | {"categories": 61}))

    def test_a_folder_without_a_catalogue(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="holds no catalogue"):
            write_stream(tmp_path, tmp_path / "truth.parquet")

    def test_an_unknown_plant(self, copy: tuple[Path, Path]) -> None:
        with pytest.raises(ConfigurationError, match="plant 'earthquake' is not known; choose one of quiet"):
            write_stream(*copy, plant="earthquake", **self.SAME)
