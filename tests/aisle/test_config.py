from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from aisle.config import Parameters, Within, read_parameters
from aisle.errors import ConfigurationError


def parameters_of(tmp_path: Path, text: str) -> Parameters:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return read_parameters(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parameters_of(tmp_path, text)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / 'params.yaml'}: ")
    assert "\n" not in line
    return line.removeprefix(f"{tmp_path / 'params.yaml'}: ")


def test_another_file_in_its_place_is_not_repeated_whole(tmp_path: Path) -> None:
    line = refusal(tmp_path, "id,title\n" + "1,drill\n" * 10_000)
    assert line.startswith("the file must be a table of names and values, not str ('id,title 1,drill")
    assert len(line) < 200


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert parameters_of(tmp_path, "") == parameters_of(tmp_path, "{}") == Parameters()


def test_the_projects_own_file_spells_out_every_parameter_at_its_default(root: Path) -> None:
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    assert read_parameters(root / "params.yaml") == dataclasses.replace(Parameters(), candidates=content["candidates"])
    for one in dataclasses.fields(Parameters):
        if one.name != "candidates":
            named = {inner.name for inner in dataclasses.fields(getattr(Parameters(), one.name))}
            assert set(content[one.name]) == named


def test_values_are_taken_and_whole_numbers_serve_as_numbers(tmp_path: Path) -> None:
    read = parameters_of(
        tmp_path,
        "train: {regime: audited, max_weight: 5}\npolicy: {branch_costs: {toys: {error: 3}, tools: {review: null}}}",
    )
    assert (read.train.regime, read.train.max_weight) == ("audited", 5.0)
    assert isinstance(read.train.max_weight, float)
    assert (read.policy.branch_costs["toys"].error, read.policy.branch_costs["tools"].review) == (3.0, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("trian: {}", "trian is not a parameter; did you mean train?"),
        ("train: {regimes: human}", "train.regimes is not a parameter; did you mean regime?"),
        ("gate: {xyz: 1}", "gate.xyz is not a parameter; known here: accuracy_margin, coverage_margin"),
        ("policy: {branch_costs: {toys: {eror: 3}}}", "policy.branch_costs.toys.eror is not a parameter"),
        ("1: 2", "1 is not a parameter"),
    ],
)
def test_a_misspelt_parameter_is_named_with_the_nearest(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("train: {folds: 1}", "train.folds is 1; it must lie in [2, 20]"),
        ("split: {test: 1.0}", "split.test is 1.0; it must lie in [0, 1)"),
        ("policy: {target_accuracy: 0}", "policy.target_accuracy is 0; it must lie in (0, 1)"),
        ("policy: {target_accuracy: 95}", "policy.target_accuracy is 95; it must lie in (0, 1)"),
        ("train: {max_weight: 0.5}", "train.max_weight is 0.5; it must lie in [1, inf]"),
        ("train: {max_weight: .inf}", "train.max_weight is inf; it must be a finite number"),
        ("train: {max_weight: .nan}", "train.max_weight is nan; it must be a finite number"),
        ("threshold: {confidence_level: 0.4}", "threshold.confidence_level is 0.4; it must lie in [0.5, 1)"),
        ("policy: {branch_costs: {toys: {error: -1}}}", "policy.branch_costs.toys.error is -1; it must lie in"),
        ("split: {calibration: 0.6, test: 0.5}", "split.calibration + split.test must stay below 1"),
    ],
)
def test_a_parameter_out_of_range_is_named_with_its_range(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("train: {folds: three}", "train.folds must be a whole number, not str ('three')"),
        ("train: {folds: 3.0}", "train.folds must be a whole number, not float (3.0)"),
        ("train: {folds: true}", "train.folds must be a whole number, not bool (True)"),
        ("train: {max_weight: true}", "train.max_weight must be a number, not bool (True)"),
        ("train: {max_weight: }", "train.max_weight must be a number, not nothing"),
        ("train: {certainty_weights: 1}", "train.certainty_weights must be true or false, not int (1)"),
        ("split: {key: 5}", "split.key must be a text, not int (5)"),
        ("train: {regime: honest}", "train.regime is 'honest'; known here: audited, everything, human"),
        ("train: {regime: representativ}", "train.regime is 'representativ'; did you mean representative?"),
        ("train: 3", "train must be a table of names and values, not int (3)"),
        ("candidates: [naive_bayes]", "candidates must be a table of names and values, not list"),
        ("candidates: {naive_bayes: 5}", "candidates.naive_bayes must be a table of names and values, not int (5)"),
        ("- a list", "the file must be a table of names and values, not list"),
    ],
)
def test_a_parameter_of_another_type_is_named_with_what_it_must_be(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text).startswith(line)


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "train:\n  folds: [3\npolicy: {}\n").startswith("line 3: not readable as YAML")
    (tmp_path / "params.yaml").write_bytes(b"split: {key: \xff}")
    with pytest.raises(ConfigurationError, match=r"params\.yaml: not readable as YAML"):
        read_parameters(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"params\.yaml: not there; run from the project's folder"):
        read_parameters(tmp_path / "params.yaml")


def test_a_range_knows_its_ends() -> None:
    assert 0 in Within(0, 1)
    assert 1 in Within(0, 1)
    assert 0 not in Within(0, 1, open_low=True)
    assert 1 not in Within(0, 1, open_high=True)
    assert 1.01 not in Within(0, 1)
