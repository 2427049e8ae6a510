from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest

from aisle.errors import RegistryError
from aisle.model.categorizer import Categorizer
from monitoring import champion
from monitoring.reference import Reference, champion_model, read_reference
from tests.monitoring import made

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def promoted(registry: Path) -> Path:
    """The registry with its one version as the champion."""
    from pipelines.registry import connection, versions

    versions.promote(connection.connect(), "latest", "ann", "the first")
    return registry


@pytest.fixture
def own_files(promoted: Path) -> Path:
    """The run's artifacts, as a copy that may be spoilt; the registry points there."""
    with contextlib.closing(sqlite3.connect(promoted / "mlflow.db")) as store:
        run_id, uri = store.execute(
            "SELECT run_uuid, artifact_uri FROM runs JOIN model_versions ON run_id = run_uuid"
        ).fetchone()
        copy = promoted / "artifacts"
        shutil.copytree(unquote(urlsplit(uri).path), copy)
        store.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (copy.as_uri(), run_id))
        store.commit()
    return copy


def same(one: Reference, other: Reference) -> None:
    pd.testing.assert_frame_equal(one.frame, other.frame)
    ours, theirs = ({**vars(each), "frame": None} for each in (one, other))
    assert ours == theirs


def test_what_the_champion_left_behind(promoted: Path) -> None:
    reference = read_reference()
    assert reference.policy_id == reference.policy.policy_id
    assert reference.model_version == "1"
    assert (reference.target_accuracy, reference.threshold) == (
        reference.policy.target_accuracy,
        reference.policy.threshold,
    )
    assert reference.known_models == {("1", reference.policy_id)}
    assert reference.known_policies == {reference.policy_id: "1"}
    assert len(reference.frame) == 400
    assert {"true_category_id", "right", "weight", "confidence"} <= set(reference.frame)
    assert reference.promoted_at is not None
    assert abs(dt.datetime.now(dt.UTC) - reference.promoted_at) < dt.timedelta(hours=1)


def test_mlflow_and_the_store_itself_say_the_same(promoted: Path) -> None:
    from pipelines.registry.connection import connect

    client = connect()
    same(read_reference(client), read_reference())
    run_id = read_reference().run_id
    assert (promoted / "work" / "monitoring" / "reference" / run_id / "run" / "reference.parquet").is_file()
    categorizer = champion_model(client)
    assert isinstance(categorizer, Categorizer)
    assert (promoted / "work" / "monitoring" / "reference" / run_id / "model" / "model.skops").is_file()


def test_what_was_downloaded_is_not_downloaded_again(promoted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.registry.connection import connect

    client = connect()
    first = read_reference(client)

    def refused(*_: object) -> None:
        raise AssertionError("asked for an artifact")

    monkeypatch.setattr(client, "download_artifacts", refused)
    same(read_reference(client), first)
    shutil.rmtree("work")
    with pytest.raises(AssertionError, match="asked for an artifact"):
        read_reference(client)
    assert not list(Path("work/monitoring/reference").rglob("*.parquet"))


def test_the_short_way_does_without_mlflow(promoted: Path) -> None:
    code = """
import sys
from monitoring.reference import champion_model, read_reference
read_reference(), champion_model()
assert "mlflow" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=promoted,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_model_answers_as_the_frame_says(promoted: Path) -> None:
    frame = read_reference().frame
    suggested = champion_model().suggest(frame)
    assert suggested.category_id.tolist() == frame["category_id"].tolist()
    assert suggested.confidence == pytest.approx(frame["confidence"].to_numpy())


class TestWithout:
    def test_a_champion(self, registry: Path) -> None:
        from pipelines.registry.connection import connect

        for client in (None, connect()):
            with pytest.raises(RegistryError, match="has no champion yet; make one with `aisle promote latest"):
                read_reference(client)

    def test_a_version(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(RegistryError, match="no champion yet; register a version with `make run`, then"):
            read_reference()
        assert not list(tmp_path.iterdir())

    def test_the_frame(self, own_files: Path) -> None:
        (own_files / "reference.parquet").unlink()
        with pytest.raises(
            RegistryError, match=r"version 1 is the champion, but its run \w{8} has no reference.parquet"
        ):
            read_reference()

    def test_a_readable_frame(self, own_files: Path) -> None:
        (own_files / "reference.parquet").write_bytes(b"PAR1")
        with pytest.raises(RegistryError, match=r"does not hold what it must: .*reference.parquet: cannot be read"):
            read_reference()

    def test_a_column_of_the_frame(self, own_files: Path) -> None:
        path = own_files / "reference.parquet"
        pd.read_parquet(path).drop(columns=["right", "weight"]).to_parquet(path)
        with pytest.raises(RegistryError, match="has no column weight, right; register it again"):
            read_reference()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (
                lambda rows: rows.assign(confidence=rows["confidence"].astype(str)),
                "holds a confidence that is null or out",
            ),
            (
                lambda rows: rows.assign(confidence=rows["confidence"].where(rows.index != 3)),
                "holds a confidence that is",
            ),
            (
                lambda rows: rows.assign(weight=0.0),
                "holds a weight that is null or out of range, where",
            ),
            (lambda rows: rows.assign(right="yes"), "holds a right that is null or out of range, where true or false"),
            (lambda rows: rows.assign(decision="perhaps"), "holds a decision that is neither auto nor review"),
            (lambda rows: rows.assign(branch_id=None), "holds rows without branch_id"),
            (lambda rows: rows.head(1), "has 1 row; fewer than 30 are nothing to hold days against"),
            (lambda rows: rows.head(0), "has no rows; fewer than 30"),
        ],
    )
    def test_sense_in_the_frame(
        self, own_files: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
    ) -> None:
        path = own_files / "reference.parquet"
        change(pd.read_parquet(path)).to_parquet(path)
        with pytest.raises(RegistryError, match=f"reference.parquet: the held-out frame of version 1 {said}"):
            read_reference()

    def test_an_untouched_policy(self, own_files: Path) -> None:
        content = json.loads((own_files / "policy.json").read_text())
        (own_files / "policy.json").write_text(json.dumps(content | {"target_accuracy": 0.5}))
        with pytest.raises(RegistryError, match="was changed after the threshold was chosen"):
            read_reference()

    def test_the_evidence_it_is_not_known_what_it_was_trained_on(self, own_files: Path) -> None:
        evidence = own_files / "evidence" / "evidence.json"
        assert evidence.is_file()
        evidence.write_text(
            json.dumps({"split": {"roles": {"train": {"rows": 9, "by_origin": {"model": 4, "audit": 5}}}}})
        )
        assert read_reference().training == {
            "rows": 9,
            "by_origin": {"model": 4, "audit": 5},
            "regime": None,
            "data_version": None,
        }
        evidence.unlink()
        assert read_reference().training is None

    def test_the_files_of_the_model(self, promoted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = champion.find_champion()
        empty = champion.Champion(**{**vars(found), "model_files": promoted})
        monkeypatch.setattr("monitoring.reference.find_champion", lambda _: empty)
        with pytest.raises(RegistryError, match="version 1 is the champion, but has lost its files"):
            champion_model()

    def test_a_database(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mlflow.db").write_text("no database")
        with pytest.raises(RegistryError, match="not an SQLite database"):
            read_reference()


def test_the_made_up_reference_has_all_that_a_real_one_has(promoted: Path) -> None:
    real, pretended = read_reference(), made.reference()
    assert set(vars(real)) == set(vars(pretended))
    lacking = {"top_categories", "top_probabilities", "branch_probability", "started"}
    assert set(real.frame) - set(pretended.frame) <= lacking
