from __future__ import annotations

import datetime as dt
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.audit.estimates import OPEN, RIGHT, WRONG
from aisle.audit.verdicts import accuracy_by, with_states
from aisle.catalogue.tables import read_table, write_shard
from aisle.errors import ConfigurationError, DataError
from monitoring import gaps
from monitoring.window import Window, last_day, read_window
from tests.monitoring import made

DAYS = 4
NOW = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sound days; only to be read."""
    return made.catalogue(tmp_path_factory.mktemp("window"), days=DAYS)


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(shared, tmp_path / "data"))


def read(folder: Path, days: int = DAYS, since: int = 0, now: dt.datetime = NOW) -> Window:
    return read_window(folder, made.day_of(since), made.day_of(days - 1), known_models=made.KNOWN, as_of=now)


def codes(window: Window) -> list[str]:
    return [gap.code for gap in window.gaps]


def shard(number: int) -> str:
    return str(made.day_of(number))


class TestSoundDays:
    def test_one_row_a_prediction_with_its_product(self, shared: Path) -> None:
        window = read(shared)
        assert window.gaps == ()
        assert len(window.rows) == DAYS * 60
        stored = read_table(shared, "products").set_index("product_id").loc[window.rows["product_id"]]
        for column in ("title", "description", "seller", "price"):
            pd.testing.assert_series_equal(
                window.rows[column].reset_index(drop=True), stored[column].reset_index(drop=True), check_names=False
            )
        assert window.rows["day"].tolist() == [one.date() for one in window.rows["predicted_at"]]
        assert window.rows["predicted_at"].is_monotonic_increasing
        assert window.days == [made.day_of(number) for number in range(DAYS)]

    def test_states_are_those_of_the_audit_report(self, shared: Path) -> None:
        window = read(shared)
        reported = with_states(shared).set_index("product_id").loc[window.rows["product_id"]]
        assert window.rows["state"].tolist() == reported["state"].tolist()
        assert {RIGHT, WRONG, -1} == set(window.rows["state"])
        assert window.rows["received_on"].tolist() == reported["received_on"].tolist()
        whole, of_window = accuracy_by(with_states(shared)), accuracy_by(window.population)
        pd.testing.assert_frame_equal(whole, of_window)

    def test_an_answer_counts_at_the_day_of_its_prediction(self, folder: Path) -> None:
        before = read(folder, 1).rows["state"].tolist()
        late = made.edit(
            folder, "labels", shard(0), lambda rows: rows.assign(labelled_at=rows["labelled_at"] + pd.Timedelta("9D"))
        )
        late.rename(folder / "labels" / "2025-06-20.parquet")
        assert read(folder, 1).rows["state"].tolist() == before

    def test_the_settled_answer_is_the_truth_that_people_gave(self, shared: Path) -> None:
        rows = read(shared).rows
        right, wrong = rows[rows["state"] == RIGHT], rows[rows["state"] == WRONG]
        assert (right["answered_category_id"] == right["category_id"]).all()
        assert (wrong["answered_category_id"] != wrong["category_id"]).all()
        labels = read_table(shared, "labels").drop_duplicates("product_id").set_index("product_id")
        assert wrong["answered_category_id"].tolist() == labels["category_id"][wrong["product_id"]].tolist()
        assert rows["answered_category_id"][rows["state"] == -1].isna().all()
        drawn = rows[rows["state"] >= 0]
        assert (drawn["shown"] == ~drawn["blind"]).all()
        assert (drawn["agreed"] == (drawn["state"] == RIGHT)).all()
        assert rows["shown"][rows["state"] == -1].isna().all()

    def test_one_class_only(self, tmp_path: Path) -> None:
        def same(frame: pd.DataFrame, _: int) -> pd.DataFrame:
            return frame.assign(true_category_id="toys-car", category_id="toys-car", decision="auto")

        window = read(made.catalogue(tmp_path, days=2, change=same), 2)
        assert window.gaps == ()
        assert set(window.rows["state"]) == {RIGHT, -1}

    def test_no_answers_yet(self, tmp_path: Path) -> None:
        window = read(made.catalogue(tmp_path, days=2, answered=False), 2)
        assert set(window.rows["state"]) == {OPEN, -1}
        assert window.rows["agreed"].isna().all()

    def test_a_part_of_the_days(self, shared: Path) -> None:
        whole, part = read(shared).rows, read(shared, 3, since=1).rows
        wanted = whole[whole["day"].isin([made.day_of(1), made.day_of(2)])].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, wanted)

    def test_the_last_day(self, shared: Path) -> None:
        assert last_day(shared) == made.day_of(DAYS - 1)

    def test_is_never_later_than_today(self, shared: Path) -> None:
        assert last_day(shared, made.day_of(1)) == made.day_of(1)
        with pytest.raises(DataError, match=r"the first prediction is of 2025-06-02, later than today \(2025-06-01\)"):
            last_day(shared, made.FIRST - dt.timedelta(days=1))

    def test_a_shard_of_the_future_is_a_gap(self, folder: Path) -> None:
        rows = read_table(folder, "predictions", shards=[shard(0)]).drop(columns="shard").head(2)
        late = rows.assign(product_id=["x", "y"], predicted_at=pd.Timestamp("2099-01-01", tz="UTC"))
        write_shard(late, "predictions", folder / "predictions" / "2099-01-01.parquet")
        (gap,) = read(folder).gaps
        assert (gap.day, gap.code, gap.count, gap.hides) == (None, gaps.FUTURE, 2, True)
        assert "2 predictions of 2099-01-01" in gap.text


class TestRevisionsAndDraws:
    def test_the_text_is_that_of_the_revision_predicted(self, folder: Path) -> None:
        product = read(folder).rows["product_id"].iloc[0]
        old = read_table(folder, "products", products=[product]).drop(columns="shard")
        write_shard(old.assign(revision=2, title="Newer"), "products", folder / "products" / "2025-06-20.parquet")
        rows = read(folder).rows.set_index("product_id")
        assert rows.loc[product, "title"] == old["title"].iloc[0]

        made.edit(folder, "products", shard(0), lambda rows: rows[rows["product_id"] != product])
        assert read(folder).rows.set_index("product_id").loc[product, "title"] == "Newer"

    def test_a_second_prediction_has_no_audit_of_its_own(self, folder: Path) -> None:
        rows = read_table(folder, "predictions", shards=[shard(0)]).drop(columns="shard")
        again = rows.assign(revision=2, predicted_at=rows["predicted_at"] + pd.Timedelta("3D"))
        made.edit(folder, "predictions", shard(3), lambda there: pd.concat([there, again]))
        later = read(folder, 4, since=3)
        assert later.gaps == ()
        assert later.rows["first"].value_counts().to_dict() == {True: 60, False: 60}
        repeated = later.rows[~later.rows["first"]]
        assert repeated["audit_probability"].isna().all()
        assert (repeated["state"] == -1).all()
        assert len(later.population) == 60

    def test_draws_of_their_own_table_count(self, folder: Path) -> None:
        rows = read(folder).rows
        for number in range(DAYS):
            made.edit(
                folder,
                "predictions",
                shard(number),
                lambda there: there.assign(audit_probability=None, audit_drawn=None, blind=None),
            )
        assert set(codes(read(folder))) == {gaps.NO_DRAW}
        assert len(read(folder).population) == 0
        from aisle.audit.draws import schema

        columns = ["product_id", "received_on", "audit_probability", "audit_drawn", "blind"]
        draws = rows[columns].assign(double=False, received_on=rows["received_on"].dt.date)
        import pyarrow as pa
        import pyarrow.parquet as pq

        (folder / "draws").mkdir()
        pq.write_table(
            pa.Table.from_pandas(draws, schema=schema(), preserve_index=False), folder / "draws" / "2025-06-08.parquet"
        )
        window = read(folder)
        assert window.gaps == ()
        assert window.rows["state"].tolist() == rows["state"].tolist()
        assert not window.rows["double"].any()


class TestGaps:
    def test_a_missing_day(self, folder: Path) -> None:
        (folder / "predictions" / f"{shard(1)}.parquet").unlink()
        window = read(folder, DAYS + 1)
        assert [(gap.day, gap.code, gap.hides) for gap in window.gaps] == [
            (made.day_of(1), gaps.MISSING_DAY, True),
            (made.day_of(DAYS), gaps.MISSING_DAY, True),
        ]
        assert window.gaps[0].text == "2025-06-03: no predictions"
        assert len(window.rows) == (DAYS - 1) * 60

    def test_a_day_twice_is_counted_once(self, folder: Path) -> None:
        before = read(folder)
        there = folder / "predictions" / f"{shard(2)}.parquet"
        shutil.copy(there, there.with_name(f"{shard(2)}-again.parquet"))
        window = read(folder)
        assert [(gap.day, gap.code, gap.count) for gap in window.gaps] == [(made.day_of(2), gaps.DAY_TWICE, 60)]
        assert f"60 predictions both in predictions/{shard(2)}" in window.gaps[0].text
        pd.testing.assert_frame_equal(window.rows, before.rows)

    def test_a_day_copied_to_another_is_counted_once(self, folder: Path) -> None:
        there = folder / "predictions" / f"{shard(1)}.parquet"
        (folder / "predictions" / f"{shard(3)}.parquet").unlink()
        shutil.copy(there, folder / "predictions" / f"{shard(3)}.parquet")
        window = read(folder)
        assert set(codes(window)) == {gaps.MISSING_DAY, gaps.DAY_TWICE, gaps.OTHER_DAY}
        assert len(window.rows) == 3 * 60

    def test_the_same_prediction_twice_in_a_shard(self, folder: Path) -> None:
        made.edit(folder, "predictions", shard(0), lambda rows: pd.concat([rows, rows.head(7)]))
        window = read(folder)
        assert [(gap.code, gap.count) for gap in window.gaps] == [(gaps.REPEATED, 7)]
        assert len(window.rows) == DAYS * 60

    @pytest.mark.parametrize(
        "change",
        [{"category_id": "toys-car", "branch_id": "toys"}, {"decision": "review"}, {"confidence": 0.5}],
        ids=lambda one: next(iter(one)),
    )
    def test_a_day_twice_that_contradicts_itself_hides(self, folder: Path, change: dict[str, object]) -> None:
        there = folder / "predictions" / f"{shard(2)}.parquet"
        shutil.copy(there, there.with_name(f"{shard(2)}-again.parquet"))
        before = read_table(folder, "predictions", shards=[shard(2)])
        made.edit(folder, "predictions", f"{shard(2)}-again", lambda rows: rows.assign(**change))
        after = read_table(folder, "predictions", shards=[f"{shard(2)}-again"])
        (column, *_) = change
        differ = int((before[column] != after[column]).sum())
        window = read(folder)
        found = {gap.code: gap for gap in window.gaps}
        assert found[gaps.CONTRADICTING].count == differ > 0
        assert found[gaps.CONTRADICTING].hides
        assert f"both in predictions/{shard(2)}-again.parquet and {shard(2)}.parquet" in found[gaps.CONTRADICTING].text
        assert sum(gap.count for gap in window.gaps) == 60
        assert len(window.rows) == DAYS * 60

    def test_a_confidence_that_was_computed_again_contradicts_nothing(self, folder: Path) -> None:
        there = folder / "predictions" / f"{shard(2)}.parquet"
        shutil.copy(there, there.with_name(f"{shard(2)}-again.parquet"))
        made.edit(
            folder,
            "predictions",
            f"{shard(2)}-again",
            lambda rows: rows.assign(confidence=(rows["confidence"] - 1e-9).abs(), model_version=None),
        )
        made.edit(folder, "predictions", shard(2), lambda rows: rows.assign(model_version=None))
        assert gaps.CONTRADICTING not in codes(read(folder))
        assert gaps.DAY_TWICE in codes(read(folder))

    def test_contradicting_rows_of_one_shard(self, folder: Path) -> None:
        def again(rows: pd.DataFrame) -> pd.DataFrame:
            return pd.concat([rows, rows.head(7), rows.iloc[7:10].assign(confidence=0.123)])

        made.edit(folder, "predictions", shard(0), again)
        found = {gap.code: gap.count for gap in read(folder).gaps}
        assert found == {gaps.REPEATED: 7, gaps.CONTRADICTING: 3}

    def test_two_sources_of_one_day_are_no_gap(self, folder: Path) -> None:
        path = folder / "predictions" / f"{shard(2)}.parquet"
        rows = read_table(folder, "predictions", shards=[shard(2)]).drop(columns="shard")
        write_shard(rows.head(30), "predictions", path.with_name(f"{shard(2)}-0123456789ab.parquet"))
        write_shard(rows.tail(30), "predictions", path)
        assert read(folder).gaps == ()

    def test_an_unknown_model(self, folder: Path) -> None:
        made.edit(folder, "predictions", shard(1), lambda rows: rows.assign(policy_id="sample-policy-1"))
        made.edit(folder, "predictions", shard(2), lambda rows: rows.assign(model_version=None))
        window = read(folder)
        assert [(gap.day, gap.code, gap.count) for gap in window.gaps] == [
            (made.day_of(1), gaps.UNKNOWN_MODEL, 60),
            (made.day_of(2), gaps.UNKNOWN_MODEL, 60),
        ]
        assert "version 3, policy sample-policy-1" in window.gaps[0].text
        assert "version ?" in window.gaps[1].text
        assert len(window.comparable) == 2 * 60
        assert len(window.population) == 4 * 60

    def test_without_a_registry_nothing_is_comparable(self, shared: Path) -> None:
        window = read_window(shared, *made.ends(DAYS), as_of=NOW)
        assert window.rows["known_model"].isna().all()
        assert len(window.comparable) == 0
        assert window.gaps == ()

    def test_two_champions_in_a_day(self, folder: Path) -> None:
        def second_half(rows: pd.DataFrame) -> pd.DataFrame:
            return rows.assign(model_version=np.where(np.arange(len(rows)) < 20, "3", "4"))

        made.edit(folder, "predictions", shard(1), second_half)
        gap = next(gap for gap in read(folder).gaps if gap.code == gaps.SEVERAL_MODELS)
        assert gap.day == made.day_of(1)
        rows = read_table(folder, "predictions", shards=[shard(1)])
        since, until = (f"{one:%H:%M}" for one in (rows["predicted_at"].iloc[20], rows["predicted_at"].max()))
        assert f"version 3, policy {made.POLICY.policy_id} from " in gap.text
        assert f"version 4, policy {made.POLICY.policy_id} from {since} to {until} (40 predictions)" in gap.text

    def test_answers_before_the_prediction_are_left_out(self, folder: Path) -> None:
        before = read(folder)
        dated = pd.Timestamp("2025-05-01", tz="UTC")
        made.edit(folder, "labels", shard(1), lambda rows: rows.assign(labelled_at=dated))
        window = read(folder)
        count = len(read_table(folder, "labels", shards=[shard(1)]))
        assert [(gap.day, gap.code, gap.count) for gap in window.gaps] == [
            (made.day_of(1), gaps.LABEL_BEFORE_PREDICTION, count)
        ]
        of_day = window.rows["day"] == made.day_of(1)
        assert set(window.rows["state"][of_day]) == {OPEN, -1}
        assert window.rows["state"][~of_day].tolist() == before.rows["state"][~of_day].tolist()

    def test_imports_may_be_older_than_the_prediction(self, folder: Path) -> None:
        labels = read_table(folder, "labels", shards=[shard(1)]).drop(columns="shard")
        labels = labels.assign(origin="import", labelled_at=pd.Timestamp("2025-05-01", tz="UTC"))
        write_shard(labels, "labels", folder / "labels" / "2025-05-01-import.parquet")
        assert read(folder).gaps == ()

    def test_a_clock_ahead(self, shared: Path) -> None:
        early = dt.datetime.combine(made.day_of(DAYS - 1), dt.time(1), dt.UTC)
        window = read(shared, now=early)
        assert read(shared, now=early.replace(tzinfo=None)).gaps == window.gaps
        found = {gap.text.partition(" ")[0]: gap for gap in window.gaps if "prediction" in gap.text}
        assert set(codes(window)) == {gaps.FUTURE}
        (gap,) = found.values()
        late = (window.rows["predicted_at"] > pd.Timestamp(early) + pd.Timedelta("5min")).sum()
        assert gap.count == late > 0
        assert any("answer" in gap.text for gap in window.gaps)

    def test_predicted_before_it_was_received(self, folder: Path) -> None:
        def earlier(rows: pd.DataFrame) -> pd.DataFrame:
            return rows.assign(received_at=rows["received_at"] + pd.Timedelta("2h"))

        made.edit(folder, "products", shard(1), earlier)
        assert [(gap.code, gap.count) for gap in read(folder).gaps] == [(gaps.BEFORE_RECEIPT, 60)]

    def test_a_shard_named_for_another_day(self, folder: Path) -> None:
        path = folder / "predictions" / f"{shard(3)}.parquet"
        path.rename(path.with_name("2025-06-30.parquet"))
        (gap,) = read(folder).gaps
        assert (gap.day, gap.code, gap.count) == (made.day_of(3), gaps.OTHER_DAY, 60)
        assert gap.text == "2025-06-30: predictions/2025-06-30.parquet holds 60 predictions of 2025-06-05"

    def test_what_came_too_late_for_the_day_before_is_no_gap(self, folder: Path) -> None:
        path = folder / "predictions" / f"{shard(3)}.parquet"
        path.rename(path.with_name("2025-06-06_desk_2025-06-06.parquet"))
        assert read(folder).gaps == ()

    def test_predictions_without_a_time_count_on_the_day_of_their_shard(self, folder: Path) -> None:
        before = read(folder).rows.set_index("product_id")["state"]
        made.edit(folder, "predictions", shard(2), lambda rows: rows.assign(predicted_at=None))
        window = read(folder)
        assert [(gap.day, gap.code, gap.count) for gap in window.gaps] == [(made.day_of(2), gaps.NO_TIME, 60)]
        assert (window.rows["day"] == made.day_of(2)).sum() == 60
        assert window.rows["state"].tolist() == before[window.rows["product_id"]].tolist()

    def test_answers_without_a_time_count(self, folder: Path) -> None:
        before = read(folder).rows["state"].tolist()
        made.edit(folder, "labels", shard(2), lambda rows: rows.assign(labelled_at=None))
        window = read(folder)
        assert [(gap.code, "answers" in gap.text) for gap in window.gaps] == [(gaps.NO_TIME, True)]
        assert window.rows["state"].tolist() == before

    def test_products_that_the_catalogue_lacks(self, folder: Path) -> None:
        (folder / "products" / f"{shard(0)}.parquet").unlink()
        window = read(folder)
        assert [(gap.day, gap.code, gap.count) for gap in window.gaps] == [(made.day_of(0), gaps.NO_PRODUCT, 60)]
        assert window.rows["title"].isna().sum() == 60
        assert len(window.population) == DAYS * 60

    def test_every_code_is_explained(self) -> None:
        named = {value for name, value in vars(gaps).items() if name.isupper() and isinstance(value, str)}
        assert named == set(gaps.CODES)


class TestErrors:
    def test_an_empty_window_names_the_days_that_there_are(self, shared: Path) -> None:
        with pytest.raises(
            DataError, match=r"no predictions from 2024-01-01 to 2024-01-07; .* 2025-06-02 to 2025-06-05"
        ):
            read_window(shared, dt.date(2024, 1, 1), dt.date(2024, 1, 7))

    def test_no_predictions_at_all(self, folder: Path) -> None:
        shutil.rmtree(folder / "predictions")
        for ask in (lambda: read(folder), lambda: last_day(folder)):
            with pytest.raises(DataError, match="no predictions yet"):
                ask()

    def test_a_window_the_wrong_way_round(self, shared: Path) -> None:
        with pytest.raises(ConfigurationError, match="ends before it begins"):
            read_window(shared, made.day_of(2), made.day_of(1))

    @pytest.mark.parametrize("table", ["predictions", "products", "labels"])
    def test_a_corrupt_shard(self, folder: Path, table: str) -> None:
        path = folder / table / f"{shard(1)}.parquet"
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(DataError, match=f"{shard(1)}.parquet: cannot be read as Parquet"):
            read(folder)

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("confidence", 1.5),
            ("confidence", None),
            ("decision", "maybe"),
            ("audit_probability", 0.0),
            ("category_id", None),
        ],
    )
    def test_values_that_make_no_sense(self, folder: Path, column: str, value: object) -> None:
        def spoil(rows: pd.DataFrame) -> pd.DataFrame:
            values = rows[column].astype(object).tolist()
            values[5] = value
            return rows.assign(**{column: values})

        made.edit(folder, "predictions", shard(1), spoil)
        with pytest.raises(DataError, match=rf"predictions/{shard(1)}.parquet: product '.*:5' has the {column} "):
            read(folder)


def test_only_the_shards_of_the_window_are_read_whole(folder: Path) -> None:
    """A year of other days costs next to nothing: here they hold a text where a number belongs."""
    rows = read_table(folder, "predictions", shards=[shard(0)]).drop(columns="shard")
    import pyarrow as pa
    import pyarrow.parquet as pq

    other = rows.assign(confidence="high", predicted_at=rows["predicted_at"] - pd.Timedelta("40D"))
    pq.write_table(pa.Table.from_pandas(other), folder / "predictions" / "2025-04-23.parquet")
    assert len(read(folder).rows) == DAYS * 60


def test_a_hundred_thousand_predictions_are_read_quickly(tmp_path: Path) -> None:
    folder = made.catalogue(tmp_path, days=5, per_day=20_000)
    read(folder, 1)  # imports
    began = time.process_time()
    assert len(read(folder, 5).rows) == 100_000
    assert time.process_time() - began < 3
