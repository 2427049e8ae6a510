"""Who answers: how a model in a folder is found, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from aisle.errors import ModelError
from aisle.files import write_json
from pipelines.scoring import folder_scorer, scorers
from pipelines.scoring.products import LONGEST, MAX_REVISION
from service.schemas import Product


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packaged model's folder, whose weights are not looked at."""
    write_json(tmp_path / "identity.json", {"model_name": "aisle", "model_version": "7"})
    monkeypatch.setattr(scorers, "_loaded", lambda *words: words)
    return tmp_path


def test_a_packaged_model_is_named_by_its_identity(packaged: Path) -> None:
    with folder_scorer(packaged) as scorer:
        assert scorer == (packaged, "aisle", "7")


@pytest.mark.parametrize("error", [TypeError, KeyError])
def test_what_goes_wrong_in_the_block_is_no_bad_identity(packaged: Path, error: type[Exception]) -> None:
    with pytest.raises(error, match="mine"), folder_scorer(packaged):
        raise error("mine")


@pytest.mark.parametrize("error", [TypeError, KeyError])
def test_a_defect_of_loading_is_no_bad_identity(
    packaged: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise error("mine")

    monkeypatch.setattr(scorers, "_loaded", fail)
    with pytest.raises(error, match="mine"), folder_scorer(packaged):
        pass


@pytest.mark.parametrize("identity", [{}, [], {"model_name": "aisle"}])
def test_a_bad_identity_is_one_line(packaged: Path, identity: Any) -> None:
    write_json(packaged / "identity.json", identity)
    said = r"identity\.json: names no model_name and model_version"
    with pytest.raises(ModelError, match=said), folder_scorer(packaged):
        pass


def test_the_limits_of_a_row_are_those_of_the_service() -> None:
    (_, schemas), found = msgspec.json.schema_components([Product]), dict[str, int]()
    for name, field in schemas["Product"]["properties"].items():
        for kind in field.get("anyOf", [field]):
            if kind.get("type") == "string":
                found[name] = kind["maxLength"]
            if name == "revision":
                assert kind["maximum"] == MAX_REVISION
    assert found == LONGEST
