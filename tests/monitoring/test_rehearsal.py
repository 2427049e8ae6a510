from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.audit.estimates import STATES
from aisle.audit.rates import Rates
from aisle.audit.verdicts import accuracy_by, with_states
from aisle.bounds import clopper_pearson
from aisle.catalogue.sample.plants import KINDS
from aisle.catalogue.tables import read_table
from aisle.errors import ConfigurationError, DataError
from monitoring import rehearsal
from monitoring.copying import MARK
from monitoring.rehearsal import Decider, Rehearsed, copy_catalogue, rehearse, rehearse_apart
from monitoring.window import read_window
from tests.monitoring import made
from tests.monitoring.made import SMALL_SAMPLE

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def copy(catalogue: Path, tmp_path: Path) -> Path:
    return copy_catalogue(catalogue, tmp_path / "copy")


@pytest.fixture(scope="module")
def rehearsed(catalogue: Path, decider: Decider, tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Ten quiet days and ten with cut titles, 300 products a day, every second audited; only to be read."""
    folder = copy_catalogue(catalogue, tmp_path_factory.mktemp("rehearsed") / "copy")
    return rehearse(
        folder,
        days=10,
        quiet_days=10,
        plant="cut_titles",
        per_day=300,
        rates=Rates(floor=0.5, blind_share=0.2, double_share=0.05),
        decider=decider,
        sample=SMALL_SAMPLE,
    )


def labels_of(done: Rehearsed) -> pd.DataFrame:
    return read_table(done.folder, "labels", shards=done.shards)


def truth_of(done: Rehearsed) -> pd.Series:
    return pd.read_parquet(done.truth).set_index("product_id")["category_id"]


class TestDays:
    def test_they_are_read_as_real_ones_without_a_gap(self, rehearsed: Rehearsed) -> None:
        days = rehearsed.days
        window = read_window(rehearsed.folder, days["day"].min(), days["day"].max(), known_models=made.KNOWN, as_of=NOW)
        assert window.gaps == ()
        assert len(window.rows) == 20 * 300
        assert len(window.comparable) == len(window.rows)
        assert window.rows["title"].notna().all()

    def test_what_was_there_stands(self, rehearsed: Rehearsed, catalogue: Path) -> None:
        after = bytes_of(rehearsed.folder)
        before = bytes_of(catalogue)
        assert {name: after[name] for name in before} == before
        assert set(after) - set(before) == {
            f"{table}/{day}.parquet" for table in ("products", "predictions", "labels") for day in rehearsed.shards
        } | {MARK}

    def test_days_follow_the_catalogue_and_the_change_comes_last(self, rehearsed: Rehearsed, catalogue: Path) -> None:
        last = max(path.stem for path in (catalogue / "predictions").glob("*.parquet"))
        days = [dt.date.fromisoformat(last) + dt.timedelta(days=number) for number in range(1, 21)]
        assert rehearsed.days["day"].tolist() == days
        assert rehearsed.days["plant"].tolist() == ["quiet"] * 10 + ["cut_titles"] * 10
        products = read_table(rehearsed.folder, "products", shards=rehearsed.shards)
        short = (products["title"].str.len() <= 19).groupby(products["shard"]).mean()
        assert short.iloc[10:].min() > short.iloc[:10].max()

    def test_decisions_are_the_champions(self, rehearsed: Rehearsed, decider: Decider) -> None:
        shard = rehearsed.shards[3]
        products = read_table(rehearsed.folder, "products", shards=[shard])
        rows = read_table(rehearsed.folder, "predictions", shards=[shard])
        suggested = decider.model.suggest(products)
        assert rows["category_id"].tolist() == suggested.category_id.tolist()
        assert (rows["decision"] == "auto").tolist() == (suggested.confidence >= made.THRESHOLD).tolist()
        assert set(rows["model_version"]) == {made.VERSION}
        assert set(rows["policy_id"]) == {made.POLICY.policy_id}
        assert (rows["threshold"] == made.THRESHOLD).all()

    def test_the_days_are_told_as_they_are(self, rehearsed: Rehearsed) -> None:
        rows = read_table(rehearsed.folder, "predictions", shards=rehearsed.shards)
        right = rows["category_id"] == rows["product_id"].map(truth_of(rehearsed))
        automatic = rows["decision"] == "auto"
        assert rehearsed.days["right"].sum() == (right & automatic).sum()
        assert rehearsed.days["automatic"].sum() == automatic.sum()
        assert rehearsed.days["audits"].sum() == rows["audit_drawn"].sum()


class TestPeople:
    def test_one_person_errs_in_two_per_cent(self, rehearsed: Rehearsed) -> None:
        labels = labels_of(rehearsed)
        answers = labels[labels["origin"].isin(("audit", "review")) & (labels["status"] == "answered")]
        first = answers[~answers.duplicated("product_id")]
        wrong = (first["category_id"] != first["product_id"].map(truth_of(rehearsed))).sum()
        low, high = clopper_pearson(int(wrong), len(first), 0.999)
        assert low <= 0.02 <= high
        assert len(first) > 2000

    def test_three_per_cent_of_audits_are_skipped(self, rehearsed: Rehearsed) -> None:
        labels = labels_of(rehearsed)
        audits = labels[(labels["origin"] == "audit").to_numpy()].drop_duplicates("product_id")
        low, high = clopper_pearson(int((audits["status"] == "skipped").sum()), len(audits), 0.999)
        assert low <= 0.03 <= high
        assert (labels["status"][labels["origin"] != "audit"] == "answered").all()

    def test_a_contradiction_is_settled_by_somebody_else(self, rehearsed: Rehearsed) -> None:
        labels = labels_of(rehearsed)
        audits = labels[(labels["origin"] == "audit").to_numpy()]
        assert not audits.duplicated(["product_id", "labeller"]).any()
        decided = read_table(rehearsed.folder, "predictions", shards=rehearsed.shards).set_index("product_id")
        first = audits.drop_duplicates("product_id").set_index("product_id")
        of = decided.loc[first.index]
        contradicted = (first["status"] == "answered") & (first["category_id"] != of["category_id"])
        old = first["labelled_at"] < first["labelled_at"].max().floor("D")
        to_settle = first.index[contradicted & (of["decision"] == "auto") & old]
        settled = audits[audits["adjudicated"].to_numpy(dtype=bool)]
        assert set(to_settle) == set(settled["product_id"])
        assert settled["suggested_category_id"].isna().all()
        assert len(to_settle) > 20

    def test_answers_come_on_the_day_or_the_next_and_after_the_prediction(self, rehearsed: Rehearsed) -> None:
        labels = labels_of(rehearsed)
        predicted_at = read_table(rehearsed.folder, "predictions").set_index("product_id")["predicted_at"]
        at = labels["product_id"].map(predicted_at)
        assert (labels["labelled_at"] >= at).all()
        days = labels["labelled_at"].dt.floor("D") - at.dt.floor("D")
        first = labels["origin"].eq("audit") & ~labels.duplicated(["product_id", "origin"])
        assert set(days[first]) == {pd.Timedelta(0), pd.Timedelta("1D")}
        assert set(days[labels["origin"] == "review"]) == {pd.Timedelta(0)}
        assert labels["labelled_at"].dt.strftime("%Y-%m-%d").tolist() == labels["shard"].tolist()

    def test_blind_audits_saw_nothing(self, rehearsed: Rehearsed) -> None:
        labels = labels_of(rehearsed)
        rows = read_table(rehearsed.folder, "predictions", shards=rehearsed.shards).set_index("product_id")
        first = labels[(labels["origin"] == "audit").to_numpy()].drop_duplicates("product_id")
        blind = rows.loc[first["product_id"], "blind"].to_numpy(dtype=bool)
        assert (first["suggested_category_id"].isna().to_numpy() == blind).all()
        assert 0.1 < blind.mean() < 0.3

    def test_the_audit_interval_holds_the_truth(self, rehearsed: Rehearsed) -> None:
        population = with_states(rehearsed.folder)
        of_days = population[population["product_id"].isin(truth_of(rehearsed).index)].reset_index(drop=True)
        found = accuracy_by(of_days).set_index("of").loc["auto"]
        true = rehearsed.days["right"].sum() / rehearsed.days["automatic"].sum()
        assert found["low"] <= true <= found["high"]
        assert {STATES[one] for one in set(of_days["state"]) - {-1}} >= {"right", "wrong", "skipped", "open"}


class TestAgain:
    OPTIONS = {"days": 2, "quiet_days": 1, "plant": "new_seller", "per_day": 40, "sample": SMALL_SAMPLE}

    def test_the_same_arguments_give_the_same_bytes(self, catalogue: Path, tmp_path: Path, decider: Decider) -> None:
        made_twice = []
        for name in ("one", "other"):
            folder = copy_catalogue(catalogue, tmp_path / name)
            rehearse(folder, decider=decider, seed=4, **self.OPTIONS)
            made_twice.append(bytes_of(folder))
        assert made_twice[0] == made_twice[1]

    def test_another_seed_draws_others_among_the_same_products(
        self, catalogue: Path, tmp_path: Path, decider: Decider
    ) -> None:
        drawn = []
        for seed in (0, 1):
            folder = copy_catalogue(catalogue, tmp_path / str(seed))
            done = rehearse(folder, decider=decider, seed=seed, **self.OPTIONS)
            rows = read_table(folder, "predictions", shards=done.shards)
            drawn.append((rows["product_id"].tolist(), rows["audit_drawn"].tolist()))
        assert drawn[0][0] == drawn[1][0]
        assert drawn[0][1] != drawn[1][1]

    @pytest.mark.parametrize("plant", KINDS)
    def test_every_kind_of_change(self, copy: Path, decider: Decider, plant: str) -> None:
        done = rehearse(copy, plant=plant, days=1, per_day=200, decider=decider, sample=SMALL_SAMPLE)
        assert done.days[["plant", "products"]].to_numpy().tolist() == [[plant, 200]]

    def test_it_goes_on_after_an_earlier_one(self, copy: Path, decider: Decider) -> None:
        first = rehearse(copy, days=1, per_day=20, decider=decider, sample=SMALL_SAMPLE)
        second = rehearse(copy, days=1, per_day=20, plant="cut_titles", decider=decider, sample=SMALL_SAMPLE)
        assert second.days["day"].iloc[0] == first.days["day"].iloc[0] + dt.timedelta(days=1)
        assert len(truth_of(second)) == 40

    def test_automation_off(self, copy: Path, decider: Decider) -> None:
        off = dataclasses.replace(made.POLICY, threshold=None, certificate=None)
        by = dataclasses.replace(decider, policy=off)
        done = rehearse(copy, days=2, per_day=50, decider=by, sample=SMALL_SAMPLE)
        assert done.days["automatic"].sum() == 0
        rows = read_table(copy, "predictions", shards=done.shards)
        assert set(rows["decision"]) == {"review"}
        assert rows["threshold"].isna().all()


class TestPlace:
    def test_data_that_dvc_tracks_is_refused(self, catalogue: Path, tmp_path: Path, decider: Decider) -> None:
        shutil.copytree(catalogue, tmp_path / "data")
        (tmp_path / "data.dvc").write_text("outs:\n- path: data\n")
        before = bytes_of(tmp_path)
        for into in (tmp_path / "data", tmp_path / "data" / "rehearsal"):
            with pytest.raises(DataError, match="DVC tracks data, and made-up days must not get into it"):
                rehearse(into, decider=decider, sample=SMALL_SAMPLE)
            with pytest.raises(DataError, match="DVC tracks data"):
                rehearse_apart(tmp_path / "data", into)
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "data")
        with pytest.raises(DataError, match="DVC tracks data"):
            rehearse(link, decider=decider, sample=SMALL_SAMPLE)
        link.unlink()
        assert bytes_of(tmp_path) == before

    def test_the_catalogue_itself_is_refused(self, copy: Path) -> None:
        for into in (copy, copy / "inside", copy.parent):
            with pytest.raises(DataError, match=r"is .*copy itself, or one lies in the other"):
                rehearse_apart(copy, into, replace=True)

    def test_other_folders_are_not_overwritten(self, copy: Path, tmp_path: Path, decider: Decider) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "letter.txt").write_text("dear")
        with pytest.raises(DataError, match="is not empty, and a rehearsal wants a folder of its own; name another"):
            rehearse_apart(copy, other, replace=True)
        with pytest.raises(DataError, match="is a file; name a folder"):
            rehearse_apart(copy, other / "letter.txt", replace=True)

    def test_a_rehearsal_is_replaced_when_told_so(self, copy: Path, tmp_path: Path, decider: Decider) -> None:
        options = {"days": 1, "per_day": 20, "decider": decider, "sample": SMALL_SAMPLE}
        into = tmp_path / "into"
        first = rehearse_apart(copy, into, **options)
        assert (first.folder, first.truth) == (into, tmp_path / "into-truth.parquet")
        with pytest.raises(DataError, match="add --replace"):
            rehearse_apart(copy, into, **options)
        before = bytes_of(into)
        rehearse_apart(copy, into, replace=True, seed=3, **options)
        assert bytes_of(into).keys() == before.keys()
        assert bytes_of(into) != before

    def test_after_an_error_all_is_as_it_was(
        self, copy: Path, tmp_path: Path, decider: Decider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(*_: object) -> None:
            raise DataError(f"{rehearsal.__name__} breaks")

        before = bytes_of(tmp_path)
        monkeypatch.setattr(rehearsal, "_decide_days", breaks)
        with pytest.raises(DataError, match="breaks"):
            rehearse_apart(copy, tmp_path / "into", days=1, per_day=9, decider=decider, sample=SMALL_SAMPLE)
        assert bytes_of(tmp_path) == before
        assert [path.name for path in tmp_path.iterdir()] == ["copy"]

    def test_another_sample_is_named_by_its_place(self, copy: Path, tmp_path: Path, decider: Decider) -> None:
        with pytest.raises(DataError, match=rf"^{copy}: is not the sample of 200 categories"):
            rehearse_apart(copy, tmp_path / "into", days=1, decider=decider)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"days": 0}, "--days 0 is too few; 1 is the least"),
            ({"quiet_days": -1}, "--quiet-days -1 is too few; 0 is the least"),
            ({"plant": "flood"}, "plant 'flood' is not known"),
            ({"per_day": 0}, "--per-day 0 is too few"),
        ],
    )
    def test_what_cannot_be_done(self, copy: Path, decider: Decider, options: dict[str, object], message: str) -> None:
        before = bytes_of(copy)
        with pytest.raises(ConfigurationError, match=message):
            rehearse(copy, decider=decider, sample=SMALL_SAMPLE, **options)
        assert bytes_of(copy) == before


def test_progress_counts_the_products(copy: Path, decider: Decider) -> None:
    counted: list[int] = []
    rehearse(copy, days=2, per_day=30, decider=decider, sample=SMALL_SAMPLE, progress=counted.append)
    assert np.sum(counted) == 60
