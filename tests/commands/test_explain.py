from __future__ import annotations

import json
from pathlib import Path

import pytest

from aisle.model.candidates import make_candidate
from aisle.model.storage import save
from commands.main import main
from tests.aisle.model.shop import BRANCH_OF, shop


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = shop(400, noise=0.3)
    path = tmp_path_factory.mktemp("model") / "model.skops"
    fitted = make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], fold=rows["fold"])
    save(fitted, path)
    return path


@pytest.fixture
def _run(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("work/candidates/reranked")
    folder.mkdir(parents=True)
    (folder / "model.skops").write_bytes(model.read_bytes())
    Path("work/choice").mkdir()
    Path("work/choice/candidate.json").write_text(json.dumps({"candidate": "reranked"}))


@pytest.mark.usefixtures("_run")
def test_the_chosen_model_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data").mkdir()
    Path("data/taxonomy.csv").write_text(
        "category_id,parent_id,name\nhome,,Home\ntools,,Tools\nsofa,home,Sofas & beds\ndrill,tools,Drills\n"
    )
    words = ["blue corner sofa xl", "--seller", "shop a", "--seller-category", "home", "--brand", "Acme"]
    words += ["--price", "20", "--currency", "EUR", "--description", "a fine sofa"]
    assert main(["explain", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "blue corner sofa xl"
    assert lines[1].startswith("  Sofas & beds (sofa), ")
    assert " % sure; next: " in lines[1]
    start = lines.index("For Sofas & beds")
    assert any(line.split()[:2] == ["title", "sofa"] and "█" in line for line in lines[start:])
    assert any(line.startswith("  seller's category  home ") for line in lines)
    shown = [line.index("+0.") for line in lines if "+0." in line]
    assert len(set(shown)) == 1  # aligned
    near = lines[lines.index("Labelled products most like it") + 1 :]
    assert len(near) == 3
    assert any(line.endswith("Sofas & beds") for line in near)  # a third of the labels is wrong


@pytest.mark.usefixtures("_run")
def test_doubts_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "zzq xxk hhv estella"]) == 0
    assert "  Why not surer: Most words of the title are unknown.\n" in capsys.readouterr().out


def test_a_model_of_choice_as_json(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "blue hammer drill nova estella", "--model", str(model), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["category_id"] == "drill"
    assert told["spoke_for"][0]["field"] == "title"
    assert len(told["nearest"]) == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["  "], "aisle: TITLE is empty"),
        (["drill", "--price", "-3"], "aisle: --price -3 must be above 0"),
        (["drill", "--price", "nan"], "aisle: --price nan must be above 0"),
        (["drill", "--price", "cheap"], "aisle: argument --price: invalid float value: 'cheap'"),
        (["drill", "--currency", "EUR"], "aisle: --currency belongs to --price"),
        (["drill"], "aisle: work/choice/candidate.json: no run has chosen a model yet; run `dvc repro`"),
        (["drill", "--model", "gone.skops"], "aisle: gone.skops: there is no model"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["explain", *words])
    except SystemExit as left:  # by the parser
        code = int(left.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1
