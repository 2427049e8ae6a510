"""What we rely on in skops: the next version must still do this."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from aisle.errors import ModelError
from aisle.files import sha256_of
from aisle.model.storage import TRUSTED_TYPES, load, save
from tests.pipelines.small_graph import fitted, products


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.skops"
    save(fitted(300, 1), path)
    return path


def test_answers_survive_bit_for_bit(saved: Path) -> None:
    rows = products(100, 9, "test")
    with threadpool_limits(1):
        before, after = fitted(300, 1).score_frame(rows), load(saved).score_frame(rows)
    assert (before["category_id"] == after["category_id"]).all()
    assert before["confidence"].to_numpy().tobytes() == after["confidence"].to_numpy().tobytes()


def test_a_file_holds_no_pickle(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy", ".npz"}
        for name in archive.namelist():
            if name.endswith(".npy"):
                np.load(archive.open(name), allow_pickle=False)


def test_types_that_are_not_named_are_refused(saved: Path) -> None:
    from skops.io import get_untrusted_types
    from skops.io import load as load_trusted
    from skops.io.exceptions import UntrustedTypesFoundException

    assert set(get_untrusted_types(file=saved)) <= set(TRUSTED_TYPES)
    with pytest.raises(UntrustedTypesFoundException):
        load_trusted(saved, trusted=[])


def test_a_type_of_somebody_else_never_runs(tmp_path: Path) -> None:
    from skops.io import dump

    dump(argparse.Namespace(harm=1), tmp_path / "model.skops")
    with pytest.raises(ModelError, match="holds types that Aisle does not write"):
        load(tmp_path / "model.skops")


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 but cut"])
def test_a_damaged_file_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        load(tmp_path / "model.skops")


def test_equal_models_give_equal_files_in_every_process(saved: Path, tmp_path: Path, root: Path) -> None:
    """Else each training would make a new version, and everything after it run again."""
    program = (
        "import sys; from aisle.model.storage import save; from tests.pipelines.small_graph import fitted; "
        "save(fitted(300, 1), sys.argv[1])"
    )
    path = tmp_path / "again.skops"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=True)
    assert sha256_of(path) == sha256_of(saved)
    save(load(path), tmp_path / "loaded.skops")
    assert sha256_of(tmp_path / "loaded.skops") == sha256_of(saved)
