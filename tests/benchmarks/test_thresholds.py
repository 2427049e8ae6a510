from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tqdm import tqdm

from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import certified_threshold
from benchmarks import results, thresholds
from benchmarks.certificates.methods import Cell, aisle, aisle_by_seller, mapie, naive, uncorrected
from benchmarks.certificates.pools import Drawn, Pool


def scored(rows: int, seed: int) -> ScoredProducts:
    rng = np.random.default_rng(seed)
    confidence = rng.random(rows)
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=np.full(rows, "tools", dtype=object),
        confidence=confidence,
        right=rng.random(rows) >= 0.003 + 0.54 * (1 - confidence) ** 3.6,
        allowed=rng.random(rows) < 0.97,
        weight=np.ones(rows),
        cluster=rng.integers(0, 60, rows),
    )


POOL = Pool("made", scored(3000, 1), scored(900, 2))


def one_by_one(rows: NDArray[np.int64], clusters: NDArray[np.int64] | None = None) -> tuple[ScoredProducts, Drawn]:
    """Rows of the pool as products, and as what methods see of them."""
    some = POOL.rows.only(rows)
    calibration = ScoredProducts(
        np.array([f"c{number}" for number in range(rows.size)], dtype=object),
        some.branch_id,
        some.confidence,
        some.right,
        some.allowed,
        some.weight,
        clusters,
    )
    accepted = calibration.allowed[:, None] & (calibration.confidence[:, None] >= POOL.thresholds)
    return calibration, Drawn(
        accepted.sum(axis=0)[None, :], (accepted & ~calibration.right[:, None]).sum(axis=0)[None, :]
    )


def threshold(chosen: NDArray[np.int64]) -> float | None:
    return float(POOL.thresholds[chosen[0]]) if chosen[0] >= 0 else None


def accepted_by(calibration: ScoredProducts, limit: float | None) -> int:
    return 0 if limit is None else int(np.count_nonzero(calibration.allowed & (calibration.confidence >= limit)))


@pytest.mark.parametrize("target", [0.9, 0.95, 0.98])
def test_drawn_all_at_once_is_certified_as_one_by_one(target: float) -> None:
    rng, certified = np.random.default_rng(3), 0
    method = aisle(Cell(POOL, 600, target))
    for _ in range(15):
        calibration, drawn = one_by_one(rng.integers(0, 900, 600))
        alone = certified_threshold(POOL.training, calibration, target)
        assert accepted_by(calibration, threshold(method(drawn))) == accepted_by(calibration, alone)
        certified += alone is not None
    assert certified > 5


def test_whole_sellers_are_certified_as_one_by_one() -> None:
    rng, certified = np.random.default_rng(4), 0
    assert POOL.rows.cluster is not None
    for _ in range(10):
        sellers = rng.integers(0, 60, 60)
        parts = [np.flatnonzero(POOL.rows.cluster == one) for one in sellers]
        rows = np.concatenate(parts)
        clusters = np.repeat(np.arange(60), [one.size for one in parts])
        calibration, drawn = one_by_one(rows, clusters)
        times = np.bincount(sellers, minlength=60).astype(float)[None, :]
        method = aisle_by_seller(Cell(POOL, rows.size, 0.9))
        chosen = threshold(method(Drawn(drawn.accepted, drawn.errors, times)))
        alone = certified_threshold(POOL.training, calibration, 0.9)
        # What is expected of a seller's size is the pool's in one case and the calibration's in the other.
        assert abs(accepted_by(calibration, chosen) - accepted_by(calibration, alone)) <= 0.03 * rows.size
        certified += alone is not None
    assert certified > 5


@pytest.mark.parametrize("target", [0.9, 0.95])
def test_mapie_is_the_librarys_own_answer(target: float) -> None:
    from mapie.risk_control import BinaryClassificationController, precision

    rng, controlled = np.random.default_rng(5), 0
    method = mapie(Cell(POOL, 800, target))
    for _ in range(6):
        surest = np.argsort(-POOL.rows.confidence * POOL.rows.allowed)[:1]  # accepted at every threshold
        calibration, drawn = one_by_one(np.append(rng.integers(0, 900, 799), surest))
        sure = np.where(calibration.allowed, calibration.confidence, -1.0)  # never accepted
        controller = BinaryClassificationController(
            lambda x: np.column_stack([1 - x, x]), precision, target, confidence_level=0.95
        )
        controller.calibrate(sure, calibration.right.astype(int))
        best = controller.best_predict_param
        assert threshold(method(drawn)) == (None if best is None else pytest.approx(best))
        controlled += best is not None
    assert controlled > 3


def test_the_naive_reading_and_the_uncorrected_test_take_the_largest_coverage_that_passes() -> None:
    _, drawn = one_by_one(np.random.default_rng(6).integers(0, 900, 500))
    cell = Cell(POOL, 500, 0.95)
    read_off, tested = naive(cell)(drawn)[0], uncorrected(cell)(drawn)[0]
    accuracy = 1 - drawn.errors[0] / np.maximum(drawn.accepted[0], 1)
    assert accuracy[read_off] >= 0.95
    assert (accuracy[read_off + 1 :] < 0.95).all()
    assert 0 <= tested < read_off


def test_draws_are_calibrations_of_the_pool() -> None:
    rng = np.random.default_rng(7)
    rows = next(iter(POOL.draw_rows(700, 50, rng)))
    assert rows.accepted.shape == (50, POOL.thresholds.size)
    assert (rows.accepted[:, -1] / 700).mean() == pytest.approx(POOL.coverage[-1], abs=0.02)
    assert 1 - rows.errors.sum() / rows.accepted.sum() == pytest.approx(
        np.average(POOL.accuracy, weights=POOL.coverage), abs=0.02
    )
    sellers = next(iter(POOL.draw_sellers(700, 50, rng)))
    assert sellers.times is not None
    assert (sellers.accepted == np.rint(sellers.times @ POOL.by_seller[1])).all()
    sizes = np.bincount(POOL.rows.cluster if POOL.rows.cluster is not None else [])
    assert (sellers.times @ sizes >= 700).all()
    assert (sellers.times @ sizes).mean() < 720


def test_what_is_broken_and_kept_is_told_for_every_method(monkeypatch: pytest.MonkeyPatch) -> None:
    with tqdm(total=1, disable=True) as bar:
        found = thresholds.measured(POOL, (500, 3000), {"rows": 300, "sellers": 200}, bar)
    rows = {row.id: row for row in thresholds.rows_of(found)}
    monkeypatch.setattr(thresholds, "KEPT_ON", "made")
    assert [row.reach for row in thresholds.rows_of(found)[:2]] == ["≤ 0.05", "≤ 0.05"]
    assert rows["broken.rows"].value <= 0.09
    assert rows["broken.rows"].reach is None
    assert rows["made.rows.naive.broken"].value > 0.3
    assert rows["made.rows.mapie.kept_n3000"].value < rows["kept.n3000"].value
    assert rows["kept.n3000"].value > 0.97
    assert rows["made.rows.exact.kept_n3000"].value == 1.0
    assert "made.sellers.aisle_sellers.broken" in rows
    assert "made.rows.aisle_sellers.broken" not in rows


def test_a_quick_run_writes_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["thresholds", "--quick"])
    monkeypatch.setattr(thresholds, "fitted", lambda *_: POOL)
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(results, "QUICK_FOLDER", tmp_path / "elsewhere")
    thresholds.main()
    rows = json.loads((tmp_path / "elsewhere" / "thresholds.json").read_text(encoding="utf-8"))
    assert {"broken.rows", "broken.sellers", "kept.n500_98"} <= {row["id"] for row in rows}
    assert not (tmp_path / "results").exists()
    assert "MAPIE" in capsys.readouterr().out
