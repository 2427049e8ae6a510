"""Copies for weights, and distances that are Evidently's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import DataError
from monitoring.comparing import COPIES, REST, Categories, Numbers, whole_copies
from monitoring.drift import Drift
from tests.monitoring.made_frames import frame

weights = st.lists(st.sampled_from([0.15, 0.25, 0.4, 1.0]), min_size=2, max_size=60)


@given(weights, st.randoms())
def test_copies_keep_the_share_of_each_weight_in_any_order(weight, random):
    mass = np.array(weight)
    names = [f"p{i}" for i in range(len(mass))]
    order = list(range(len(mass)))
    random.shuffle(order)

    copies = whole_copies(mass, names)

    assert whole_copies(mass[order], [names[i] for i in order]).tolist() == copies[order].tolist()
    if len(set(weight)) == 1:
        assert copies.tolist() == [1] * len(mass)
        return
    assert copies.sum() == COPIES * len(mass)
    for one in set(weight):
        wanted = COPIES * mass[mass == one].sum() / mass.mean()
        assert abs(copies[mass == one].sum() - wanted) <= 1


@pytest.mark.parametrize("weight", [[1.0, 0.0], [1.0, -2.0], [1.0, np.nan], [np.inf, 1.0]])
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(DataError, match="weight"):
        whole_copies(weight, ["a", "b"])


def test_days_counted_by_rows_are_as_far_as_the_same_days_written_out():
    rng = np.random.default_rng(1)
    numbers = pd.Series(np.where(rng.random(60) < 0.2, np.nan, rng.normal(size=60).round(1)))
    kinds = pd.Series(rng.choice(["a", "b", "c", "rare"], 60, p=[0.5, 0.3, 0.15, 0.05]), dtype=object)
    copies = rng.integers(4, 11, size=60)
    counts = np.vstack([rng.multinomial(25, np.full(60, 1 / 60), size=8).T, rng.integers(0, 3, size=(1, 8))])

    for column, values, unknown in (
        (Numbers(numbers, copies), numbers, np.nan),
        (Categories(kinds, copies), kinds, "never seen"),
    ):
        found = column.distances(counts.astype(float))
        for day, of_day in enumerate(counts.T):
            written = pd.concat(
                [values.loc[values.index.repeat(of_day[:-1])], pd.Series([unknown] * of_day[-1], dtype=values.dtype)]
            )
            assert found[day] == pytest.approx(column.distance(written))


def test_a_day_without_rows_is_no_distance():
    copies = np.ones(10, dtype=int)
    numbers, kinds = Numbers(pd.Series(np.arange(10.0)), copies), Categories(pd.Series(list("aabbccddee")), copies)

    for column in (numbers, kinds):
        assert column.distances(np.zeros((11, 1))).tolist() == [0.0]
        assert column.distance(pd.Series(dtype=float)) is None


def test_rare_and_unknown_values_count_together():
    values = pd.Series(["big"] * 300 + ["small"] * 6 + ["once"], dtype=object)
    column = Categories(values, np.ones(len(values), dtype=int))

    assert column.values == ["big", "small", REST]
    day = pd.Series(["big", "once", "new"], dtype=object)
    assert column.prepared(day).tolist() == ["big", REST, REST]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_evidently_s_own_drift_is_the_same_and_takes_our_limits(monkeypatch):
    """What a report shows is what was decided: for weighted rows, and for days with and without a change."""
    monkeypatch.setenv("DO_NOT_TRACK", "true")
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    weight = np.random.default_rng(0).choice([0.4, 0.7, 1.0], 300)
    drift = Drift(frame(300, seed=1).assign(weight=weight), days=200)
    day = frame(100, seed=2)
    changed = day.assign(
        title=day["title"].str[:12],
        seller=day["seller"].mask(day.index < 40, "New"),
        price=day["price"].mask(day.index < 50),
    )
    for rows in (day, changed):
        table = drift.judged(rows).set_index("column").loc[list(drift.columns)]
        frames = drift.compared(rows)
        numbers = [name for name in table.index if table.loc[name, "method"] == "wasserstein"]
        kinds = DataDefinition(
            numerical_columns=numbers, categorical_columns=[name for name in table.index if name not in numbers]
        )
        current, reference = (Dataset.from_pandas(one, data_definition=kinds) for one in frames)
        metrics = [
            ValueDrift(column=name, method=table.loc[name, "method"], threshold=table.loc[name, "limit"])
            for name in table.index
        ]

        told = Report(metrics, include_tests=True).run(current, reference).dict()

        values = [float(one["value"]) for one in told["metrics"]]
        failed = ["FAIL" in str(one["status"]) for one in told["tests"]]
        assert values == pytest.approx(table["statistic"].tolist(), abs=1e-9)
        assert failed == table["drifted"].tolist()
    assert sum(failed) >= 3
