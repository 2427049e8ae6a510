from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aisle.audit.replay.order import Known, read_known
from aisle.audit.replay.settings import ReplaySettings
from aisle.catalogue.sample import write_sample


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample catalogue; `truth.parquet` beside it."""
    folder = tmp_path_factory.mktemp("replayed") / "catalogue"
    write_sample(
        folder, folder.with_name("truth.parquet"), products=700, categories=30, branches=5, sellers=20, days=60
    )
    return folder


@pytest.fixture(scope="session")
def known(sample_folder: Path) -> Known:
    return read_known(sample_folder, sample_folder.with_name("truth.parquet"))


@pytest.fixture(scope="session")
def undated(known: Known) -> Known:
    return replace(known, products=known.products.assign(received_at=pd.NaT))


@pytest.fixture(scope="session")
def settings() -> ReplaySettings:
    """Three rounds that take a moment."""
    return ReplaySettings(
        target=0.8,
        rounds=3,
        round_size=120,
        start=200,
        cap=40,
        audit_share=0.15,
        seeds=(3,),
        candidate="naive_bayes",
        folds=2,
    )
