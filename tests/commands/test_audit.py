from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.audit.draws import draw_day, read_draws
from aisle.audit.rates import Rates
from aisle.audit.sampling import Secret
from aisle.catalogue.tables import read_table, write_shard
from aisle.errors import DataError
from commands import main

SECRET = "0123456789abcdef0123456789abcdef"
DAY = "2025-04-02"
COUNT = 400


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AISLE_AUDIT_SECRET", SECRET)
    monkeypatch.setitem(main.COMMANDS, "audit", ("commands.audit", "draw audits"))
    folder = tmp_path / "data"
    (folder / "products").mkdir(parents=True)
    (folder / "taxonomy.csv").write_text("category_id,parent_id,name\nt,,Toys\ndoll,t,Dolls\nball,t,Balls\n")
    rng = np.random.default_rng(1)
    ids = [f"p{number:03}" for number in range(COUNT)]
    received = pd.Timestamp("2025-04-01", tz="UTC") + pd.to_timedelta(np.arange(COUNT) % 2, unit="D")
    products = {"product_id": ids, "title": ["=HYPERLINK()", *["A ball"] * (COUNT - 1)], "received_at": received}
    write_shard(pd.DataFrame(products), "products", folder / "products/2025-04-02.parquet")
    predictions = {
        "product_id": ids,
        "predicted_at": received + pd.Timedelta(hours=1),
        "category_id": "ball",
        "branch_id": "t",
        "confidence": rng.random(COUNT),
        "decision": np.where(rng.random(COUNT) < 0.7, "auto", "review"),
        "model_version": "3",
    }
    write_shard(pd.DataFrame(predictions), "predictions", folder / "predictions/2025-04-02.parquet")
    return folder


def audit(*words: str) -> int:
    return main.main(["audit", *words])


def fill(source: Path, target: Path, answer: str | None = None) -> list[str]:
    """Answer every row: `answer`, else yes where a suggestion stands and its category elsewhere."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["answer"] = answer or ("yes" if row["suggestion"] else "ball")
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return [row["product_id"] for row in rows]


def drawn_list() -> Path:
    Path("rates.json").write_text('{"floor": 0.25, "blind_share": 0.3, "double_share": 0.2}')
    assert audit("draw", "--day", DAY, "--rates", "rates.json", "--list", "list.csv") == 0
    return Path("list.csv")


def test_a_draw_is_made_exactly_once(capsys: pytest.CaptureFixture[str]) -> None:
    drawn_list()
    shard, listed = Path(f"data/draws/{DAY}.parquet").read_bytes(), Path("list.csv").read_bytes()
    assert "Drew" in capsys.readouterr().out
    assert audit("draw", "--day", DAY, "--list", "list.csv") == 0  # other rates change nothing any more
    assert "nothing was drawn again" in capsys.readouterr().out
    assert Path(f"data/draws/{DAY}.parquet").read_bytes() == shard
    assert Path("list.csv").read_bytes() == listed
    draws = read_draws("data")
    assert len(draws) == COUNT
    assert (draws["audit_probability"] == 0.25).all()
    assert abs(draws["audit_drawn"].sum() - 100) < 4 * np.sqrt(75)


def test_the_list_hides_blind_suggestions_and_runs_nothing() -> None:
    text = drawn_list().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    draws = read_draws("data").set_index("product_id")
    assert {row["product_id"] for row in rows} == set(draws.index[draws["audit_drawn"]])
    for row in rows:
        hidden = draws.at[row["product_id"], "blind"]
        assert (row["suggestion"], row["suggestion_name"]) == (("", "") if hidden else ("ball", "Toys > Balls"))
    assert "\n=HYPER" not in Path("list.csv").read_text()
    assert [row["product_id"] for row in rows] != sorted(row["product_id"] for row in rows)


def test_answers_become_labels_once(capsys: pytest.CaptureFixture[str]) -> None:
    listed = fill(drawn_list(), Path("filled.csv"))
    assert audit("answers", "filled.csv", "--labeller", "ann") == 0
    labels = read_table("data", "labels").set_index("product_id")
    assert sorted(labels.index) == sorted(listed)
    assert set(labels["origin"]) == {"audit"}
    assert (labels["audit_probability"] == 0.25).all()
    assert set(labels["model_version"]) == {"3"}
    blind = read_draws("data").set_index("product_id")["blind"].reindex(labels.index)
    assert (labels["suggested_category_id"].isna() == blind).all()
    capsys.readouterr()
    assert audit("answers", "filled.csv", "--labeller", "ann") == 0
    assert "Nothing new" in capsys.readouterr().out
    assert len(list(Path("data/labels").iterdir())) == 1


def test_an_error_counts_once_a_second_person_confirms_it(capsys: pytest.CaptureFixture[str]) -> None:
    listed = fill(drawn_list(), Path("filled.csv"), "doll")
    audit("answers", "filled.csv", "--labeller", "ann")
    capsys.readouterr()
    assert audit("report") == 0
    before = capsys.readouterr().out.splitlines()[1].split()
    assert before[4] == "100.0"
    assert audit("second", "--list", "second.csv") == 0
    again = fill(Path("second.csv"), Path("second_filled.csv"), "doll")
    decisions = read_table("data", "predictions").set_index("product_id")["decision"]
    assert {one for one in listed if decisions[one] == "auto"} <= set(again)
    text = Path("second.csv").read_text(encoding="utf-8-sig")
    assert {row["suggestion"] for row in csv.DictReader(text.splitlines())} == {""}
    assert audit("answers", "second_filled.csv", "--labeller", "ben") == 0
    capsys.readouterr()
    audit("report", "--csv", "report.csv")
    assert capsys.readouterr().out.splitlines()[1].split()[4] == "0.0"
    assert pd.read_csv("report.csv")["pending"].tolist() == [0, 0]


def test_a_tie_is_settled_by_an_adjudication() -> None:
    fill(drawn_list(), Path("filled.csv"), "doll")
    audit("answers", "filled.csv", "--labeller", "ann")
    audit("second", "--list", "second.csv")
    fill(Path("second.csv"), Path("second_filled.csv"), "ball")
    audit("answers", "second_filled.csv", "--labeller", "ben")
    assert audit("second", "--ties", "--list", "ties.csv") == 0
    fill(Path("ties.csv"), Path("ties_filled.csv"), "ball")
    assert audit("answers", "ties_filled.csv", "--labeller", "cleo", "--adjudicated") == 0
    labels = read_table("data", "labels")
    assert set(labels[labels["adjudicated"]]["labeller"]) == {"cleo"}
    audit("second", "--ties", "--list", "ties.csv")
    assert len(Path("ties.csv").read_text(encoding="utf-8-sig").splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("product_id", "nobody"), "line 3: product 'nobody' has no prediction"),
        (("answer", "dol"), "line 3: 'dol' is no category_id of taxonomy.csv; did you mean"),
        (("answer", "t"), "line 3: 't' is a category with others below it"),
        (("revision", "2"), "line 3: revision 2 was not audited, 1 was"),
        (("suggestion", "doll"), "line 3: the suggestion 'doll' is not what was shown"),
    ],
)
def test_one_bad_row_refuses_the_whole_list(
    change: tuple[str, str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(drawn_list(), Path("filled.csv"))
    table = pd.read_csv("filled.csv", dtype=str, keep_default_na=False)
    table.loc[1, change[0]] = change[1]
    table.to_csv("filled.csv", index=False)
    assert audit("answers", "filled.csv") == 2
    assert line in capsys.readouterr().err
    assert not Path("data/labels").exists()


def test_a_product_that_was_not_drawn_is_no_audit(capsys: pytest.CaptureFixture[str]) -> None:
    drawn_list()
    draws = read_draws("data")
    other = draws["product_id"][~draws["audit_drawn"]].iloc[0]
    Path("filled.csv").write_text(f"product_id,answer\n{other},ball\n")
    assert audit("answers", "filled.csv") == 2
    assert f"line 2: product '{other}' was not drawn" in capsys.readouterr().err


def test_another_answer_of_the_same_person_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    fill(drawn_list(), Path("filled.csv"))
    audit("answers", "filled.csv", "--labeller", "ann")
    fill(Path("filled.csv"), Path("other.csv"), "skip")
    assert audit("answers", "other.csv", "--labeller", "ann") == 2
    assert "line 2: ann answered 'ball' for product" in capsys.readouterr().err
    assert len(list(Path("data/labels").iterdir())) == 1


def test_late_products_join_the_next_draw_and_no_earlier_one() -> None:
    secret, later = Secret(SECRET), dt.date(2025, 4, 9)
    assert draw_day("data", dt.date(2025, 4, 1), Rates(floor=0.3), secret).products == COUNT // 2
    assert draw_day("data", dt.date(2025, 4, 3), Rates(floor=0.3), secret).products == COUNT // 2
    with pytest.raises(DataError, match="lies before it"):
        draw_day("data", dt.date(2025, 4, 2), Rates(), secret)
    with pytest.raises(DataError, match="nothing to draw"):
        draw_day("data", dt.date(2025, 4, 4), Rates(), secret)
    with pytest.raises(DataError, match="is not over yet"):
        draw_day("data", later, Rates(), secret, today=later)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["draw", "--day", "yesterday"], "write a date as 2025-06-01"),
        (["answers"], "give the filled list"),
        (["report", "x.csv"], "FILE belongs to answers"),
        (["report"], "no product has a draw yet"),
        (["draw", "--rates", "none.json"], "no such file"),
        (["draw", "--into", "nowhere"], "holds no catalogue"),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(*words) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


def test_without_a_secret_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AISLE_AUDIT_SECRET")
    assert audit("draw", "--day", DAY) == 2
    assert "AISLE_AUDIT_SECRET is not set" in capsys.readouterr().err
    assert not Path("data/draws").exists()


def test_audit_rates_are_planned_from_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "audits", "--budget", "20,50", "--plot", "plan.html", "--save", "rates.json"]
    assert main.main(words) == 0
    assert "200 products a day" in capsys.readouterr().out
    assert "<svg" in Path("plan.html").read_text()
    assert audit("draw", "--day", DAY, "--rates", "rates.json", "--list", "list.csv") == 0
    assert abs(read_draws("data")["audit_drawn"].sum() - 100) < 45
