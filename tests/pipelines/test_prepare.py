from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from aisle.catalogue.sample import write_sample
from aisle.catalogue.splits import DROPPED, ROLES, assign_roles, normalise_title
from aisle.catalogue.tables import read_frame, read_table, write_shard
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.config import Split
from aisle.errors import exit_code_of
from aisle.files import read_json
from pipelines.prepare import data_version, main

OUTPUTS = ["calibration.parquet", "split.json", "test.parquet", "train.parquet"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `params.yaml` and a catalogue of 300 products in two shards, and the current one."""
    leaves = ["saw", "drill", "lamp"]
    branches = [Category("home", None, "Home"), Category("lamp", "home", "Lamps")]
    tools = [Category("tools", None, "Tools"), *(Category(leaf, "tools", leaf) for leaf in leaves[:2])]
    write_taxonomy(Taxonomy([*tools, *branches]), tmp_path / "data" / "taxonomy.csv")
    numbers = np.arange(300)
    products = pd.DataFrame(
        {"product_id": numbers.astype(str), "title": [f"thing {number // 2}" for number in numbers]}
    )
    labels = pd.DataFrame(
        {
            "product_id": products["product_id"],
            "category_id": [leaves[number % 3] for number in numbers],
            "origin": "audit",
            "audit_probability": 0.5,
        }
    )
    for table, rows in (("products", products), ("labels", labels)):
        for day, part in enumerate((rows.iloc[:200], rows.iloc[200:])):
            write_shard(part, table, tmp_path / "data" / table / f"2024-01-0{day + 1}.parquet")
    (tmp_path / "params.yaml").write_text("train: {regime: audited}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def frames() -> dict[str, pd.DataFrame]:
    return {role: read_frame(Path("work/prepared") / f"{role}.parquet") for role in ROLES}


def told(capsys: pytest.CaptureFixture, run: Callable[[], None] = main) -> str:
    """The one line that a refusal prints."""
    assert exit_code_of(run) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("aisle: ")
    assert printed.count("\n") == 1
    return printed.removeprefix("aisle: ").rstrip("\n")


def test_the_stage_writes_three_frames_and_the_facts(project: Path) -> None:
    main()
    assert sorted(path.name for path in (project / "work" / "prepared").iterdir()) == OUTPUTS
    facts = read_json(project / "work" / "prepared" / "split.json")
    assert list(facts)[:3] == ["data_version", "regime", "roles"]
    assert facts["data_version"] == data_version(Path("data"))
    for role, frame in frames().items():
        assert facts["roles"][role]["rows"] == len(frame) > 0
        assert ("fold" in frame) == (role == "train")
        assert ("audit_probability" in frame) == (role != "train")
        assert frame["weight"].gt(0).all()


def test_the_same_data_give_the_same_bytes(project: Path) -> None:
    contents = []
    for _ in range(2):
        main()
        contents.append([(project / "work" / "prepared" / name).read_bytes() for name in OUTPUTS])
    assert contents[0] == contents[1]


def test_it_runs_as_a_module(project: Path, root: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "pipelines.prepare"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    (project / "params.yaml").write_text("train: {fold: 3}\n", encoding="utf-8")
    refused = run()
    assert refused.returncode == 2
    assert refused.stderr == "aisle: params.yaml: train.fold is not a parameter; did you mean folds?\n"


def test_frames_without_calibration_rows_can_be_read_again(project: Path) -> None:
    (project / "params.yaml").write_text("split: {calibration: 0}\n", encoding="utf-8")
    main()
    read = frames()
    assert read["calibration"].empty
    assert list(read["calibration"]) == list(read["test"])


# ---------------------------------------------------------------------------------------- bad input


def test_data_that_was_not_pulled(project: Path, capsys: pytest.CaptureFixture) -> None:
    (project / "data").rename(project / "elsewhere")
    line = told(capsys)
    assert line.startswith("data: holds no catalogue")
    assert "`dvc pull`" in line
    assert not (project / "work").exists()


def test_data_without_labels(project: Path, capsys: pytest.CaptureFixture) -> None:
    for shard in (project / "data" / "labels").iterdir():
        shard.unlink()
    assert told(capsys).startswith("labels: no answered label")
    assert not (project / "work").exists()


def test_a_label_of_a_category_that_is_no_leaf(project: Path, capsys: pytest.CaptureFixture) -> None:
    rows = pd.DataFrame({"product_id": ["7"], "category_id": ["tools"], "origin": ["import"]})
    write_shard(rows, "labels", project / "data" / "labels" / "2024-01-03.parquet")
    line = told(capsys)
    assert line.startswith("labels/2024-01-03.parquet: product '7' has the category_id 'tools', which is not a leaf")


def test_an_earlier_run_stands_when_a_later_one_is_refused(project: Path, capsys: pytest.CaptureFixture) -> None:
    main()
    before = [(project / "work" / "prepared" / name).read_bytes() for name in OUTPUTS]
    (project / "data" / "products" / "2024-01-02.parquet").write_bytes(b"noise")
    assert "products/2024-01-02.parquet: cannot be read as Parquet" in told(capsys)
    assert [(project / "work" / "prepared" / name).read_bytes() for name in OUTPUTS] == before


# ---------------------------------------------------------------------------------- version of the data


def write_dvc(project: Path, **changes: object) -> str:
    """`data.dvc` as DVC writes it."""
    paths = [path for path in (project / "data").rglob("*") if path.is_file()]
    md5 = hashlib.md5(b"a list of files", usedforsecurity=False).hexdigest() + ".dir"
    out = {"md5": md5, "size": sum(path.stat().st_size for path in paths), "nfiles": len(paths), "hash": "md5"}
    content = {"outs": [out | {"path": "data"} | changes]}
    (project / "data.dvc").write_text(yaml.safe_dump(content), encoding="utf-8")
    return md5


def test_the_version_is_the_hash_of_dvc_where_it_fits(project: Path) -> None:
    md5 = write_dvc(project)
    assert data_version(Path("data")) == md5


@pytest.mark.parametrize("changes", [{"size": 1}, {"nfiles": 99}, {"path": "other"}, {"md5": "0" * 32}, {"md5": None}])
def test_a_hash_of_dvc_that_does_not_fit_is_not_taken(project: Path, changes: dict[str, object]) -> None:
    own = data_version(Path("data"))
    write_dvc(project, **changes)
    assert data_version(Path("data")) == own
    assert len(own) == 64


@pytest.mark.parametrize("content", ["", "outs: []", "outs: [{md5: x}]", "outs: 3", "- a", "{"])
def test_a_broken_file_of_dvc_does_not_stop_the_stage(project: Path, content: str) -> None:
    own = data_version(Path("data"))
    (project / "data.dvc").write_text(content, encoding="utf-8")
    assert data_version(Path("data")) == own


def test_without_dvc_the_version_follows_names_and_bytes(project: Path) -> None:
    versions = {data_version(Path("data"))}
    shard = project / "data" / "labels" / "2024-01-02.parquet"
    shard.rename(shard.with_name("2024-01-03.parquet"))
    versions.add(data_version(Path("data")))
    (project / "data" / "taxonomy.csv").write_text("category_id,parent_id,name\nx,,X\n", encoding="utf-8")
    versions.add(data_version(Path("data")))
    assert len(versions) == 3
    (project / "data" / "notes.txt").touch()
    assert data_version(Path("data")) in versions


# ------------------------------------------------------------------------------- the sample catalogue


@pytest.fixture(scope="module")
def sample_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small catalogue of the project's own generator."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(
        folder / "data", folder / "truth.parquet", products=1_500, categories=30, branches=4, sellers=15, days=90
    )
    return folder / "data"


@pytest.fixture
def sample(sample_catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where that catalogue lies in `data/`, the current one."""
    (tmp_path / "data").symlink_to(sample_catalogue)
    (tmp_path / "params.yaml").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_of_the_sample_is_in_two_frames(sample: Path) -> None:
    main()
    products = read_table("data", "products")
    things = {role: products[products["product_id"].isin(frame["product_id"])] for role, frame in frames().items()}
    assert all(len(rows) > 50 for rows in things.values())
    assert products["group_id"].duplicated().any()
    for one, other in combinations(things.values(), 2):
        for column in ("product_id", "group_id"):
            assert set(one[column].dropna()) & set(other[column].dropna()) == set()
        assert set(map(normalise_title, one["title"])) & set(map(normalise_title, other["title"])) - {""} == set()


def test_the_sample_gives_every_product_the_same_role_in_every_version(sample: Path) -> None:
    products = read_table("data", "products")
    days = sorted(products["shard"].unique())
    last = assign_roles(products, Split()).set_index("product_id")["role"]
    for day in days[:: max(1, len(days) // 8)]:
        now = assign_roles(products[products["shard"] <= day], Split()).set_index("product_id")["role"]
        later = last.loc[now.index]
        assert ((later == now) | (later == DROPPED)).all()


@pytest.mark.parametrize("regime", ["representative", "audited", "human", "mixed", "everything"])
@pytest.mark.parametrize("certainty", ["true", "false"])
def test_every_regime_runs_on_the_sample(sample: Path, regime: str, certainty: str) -> None:
    Path("params.yaml").write_text(f"train: {{regime: {regime}, certainty_weights: {certainty}}}", encoding="utf-8")
    main()
    facts = read_json("work/prepared/split.json")
    assert facts["regime"] == regime
    assert facts["weights"]["mean"] == pytest.approx(1)
    assert ("model" in facts["roles"]["train"]["by_origin"]) == (regime == "everything")
