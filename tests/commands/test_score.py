"""`aisle score` as a person runs it: a model in a folder, the champion, a service, a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from aisle.catalogue.tables import read_frame
from aisle.decision.policy import Policy, write_policy
from aisle.files import write_json
from aisle.model.candidates import make_candidate
from aisle.model.storage import save
from commands.main import main
from pipelines.registry import connection
from tests.aisle.model.shop import BRANCH_OF, shop
from tests.aisle.small_service import MODEL, Service
from tests.pipelines.made_run import EXPECTED
from tests.pipelines.scored import read, rows, write

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
POLICY = Policy("target_accuracy", 0.9, 0.95, "holdout", 0.8, {}, ("kite",), EXPECTED)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AISLE_API_KEY", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packaged model."""
    folder = tmp_path_factory.mktemp("packaged")
    learnt = shop(300)
    save(make_candidate("linear_fields", {}, BRANCH_OF).fit(learnt, learnt["category_id"]), folder / "model.skops")
    write_policy(POLICY, folder / "policy.json")
    write_json(folder / "identity.json", {"model_name": "aisle", "model_version": "7"})
    return folder


@pytest.fixture
def products() -> pd.DataFrame:
    found = shop(50, seed=1)[["product_id", "title", "description", "seller_category", "price", "currency", "seller"]]
    found.to_parquet("in.parquet")
    return found


def expected(model: Path, products: pd.DataFrame) -> pd.DataFrame:
    from aisle.decision.answers import answers
    from aisle.decision.policy import read_policy
    from aisle.model.storage import load

    return answers(load(model / "model.skops").score_frame(products), read_policy(model / "policy.json"))


def test_a_model_in_a_folder_answers_as_it_does_elsewhere(
    model: Path, products: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "in.parquet", "out.parquet", "--model", str(model), "--batch", "20"]) == 0
    found, wanted = read_frame("out.parquet"), expected(model, products)
    assert list(found["product_id"]) == list(products["product_id"])
    pd.testing.assert_frame_equal(found[list(wanted)], wanted, check_dtype=False)
    assert set(found["reason"]) <= {"confident", "below_threshold", "few_labels"}
    automatic = 100 * (wanted["decision"] == "auto").mean()
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"Scored 50 rows, {automatic:.1f} % of them automatically, by aisle version 7 (policy {POLICY.policy_id})",
        "Written: out.parquet",
    ]
    assert said.err == ""


def test_bad_rows_and_unknown_columns_are_said_and_the_code_is_0(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = [{**row, "colour": "red"} for row in rows(6)]
    for place in (1, 2, 4, 5):
        content[place]["title"] = ""
    write(Path("in.csv"), content)
    assert main(["score", "in.csv", "out.csv", "--model", str(model)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "aisle: in.csv: columns that mean nothing here are passed over: colour",
        "aisle: warning: 4 rows could not be scored (row 2: title is missing; every product needs one; "
        "row 3: title is missing; every product needs one; row 5: title is missing; every product needs one; …)",
    ]
    assert [row["error"] is None for row in read(Path("out.csv"))] == [True, False, False, True, False, False]


def test_the_champion_of_the_registry(model: Path, products: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    client = connection.connect()
    client.create_registered_model("aisle")
    assert main(["score", "in.parquet", "out.csv"]) == 2
    assert "the model aisle has no champion yet; make one with `aisle promote" in capsys.readouterr().err
    kept = Path("kept").absolute()
    (kept / "artifacts").mkdir(parents=True)
    for name in ("model.skops", "policy.json"):
        (kept / "artifacts" / name).write_bytes((model / name).read_bytes())
    (kept / "MLmodel").touch()
    client.create_model_version("aisle", kept.as_uri())
    client.set_registered_model_alias("aisle", "champion", "1")
    assert main(["score", "in.parquet", "out.csv"]) == 0
    assert ", by aisle version 1 (policy" in capsys.readouterr().out
    assert [row["category_id"] for row in read(Path("out.csv"))] == list(expected(model, products)["category_id"])
    assert main(["score", "in.parquet", "other.csv", "--model", "kept"]) == 0
    assert ", by kept version sha256:" in capsys.readouterr().out


def test_a_folder_without_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("in.csv"), rows(1))
    Path("empty").mkdir()
    assert main(["score", "in.csv", "out.csv", "--model", "empty"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("aisle: empty: holds no model (empty/model.skops is not there)")
    Path("empty/identity.json").write_text("{}")
    assert main(["score", "in.csv", "out.csv", "--model", "empty"]) == 2
    assert "names no model_name" in capsys.readouterr().err


@pytest.fixture
def served() -> Iterator[tuple[str, Service]]:
    """A small service on a real port."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = service(
                httpx.Request(self.command, f"http://x{self.path}", headers=dict(self.headers), content=body)
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", service
        server.shutdown()
        thread.join()


def test_a_service(served: tuple[str, Service], capsys: pytest.CaptureFixture[str]) -> None:
    url, service = served
    write(Path("in.jsonl"), [*rows(2500), {"title": ""}])
    Path("key").write_text("s3cret\n")
    assert main(["score", "in.jsonl", "out.jsonl", "--url", url, "--key-file", "key", "--batch", "1500"]) == 0
    answers = read(Path("out.jsonl"))
    assert len(answers) == 2501
    assert {(row["model_version"], row["bento_tag"]) for row in answers[:-1]} == {("3", MODEL["bento_tag"])}
    assert answers[7]["category_id"] == "c-Bohrer „7“, 8 mm"
    assert service.sizes() == [1000, 500, 1000]
    assert {request.headers["Authorization"] for request in service.requests} == {"Bearer s3cret"}
    assert "s3cret" not in "".join(capsys.readouterr())


def test_a_service_that_changes_its_model_ends_the_run(
    served: tuple[str, Service], capsys: pytest.CaptureFixture[str]
) -> None:
    url, service = served
    described = httpx.Response(200, json={"model": {**MODEL, "version": "2"}})
    service.queue = [described]
    write(Path("in.csv"), rows(3))
    assert main(["score", "in.csv", "out.csv", "--url", url]) == 2
    assert "the model changed from version 2 to version 3 meanwhile" in capsys.readouterr().err
    assert not Path("out.csv").exists()
    assert main(["score", "in.csv", "out.csv", "--url", url]) == 0


def test_no_service(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(Path("in.csv"), rows(1))
    monkeypatch.setattr("aisle.client.sending.time.sleep", lambda _: None)
    assert main(["score", "in.csv", "out.csv", "--url", "http://127.0.0.1:9"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("aisle: http://127.0.0.1:9: no answer after 6 tries ([Errno 111] Connection refused)")
    Path("key").write_text("two words")
    assert main(["score", "in.csv", "out.csv", "--url", "http://127.0.0.1:9", "--key-file", "key"]) == 2
    assert "holds 2 words" in capsys.readouterr().err
    assert main(["score", "in.csv", "out.csv", "--key-file", "key"]) == 2
    assert "name the service with --url" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["score", "in.csv", "out.csv", "--url", "http://127.0.0.1:9", "--model", "x"])


def test_killed_and_run_again(model: Path, root: Path, tmp_path: Path) -> None:
    """A real process, killed twice as soon as a further part is there."""
    write(Path("in.csv"), rows(20_000))
    command = [
        sys.executable,
        "-m",
        "commands.main",
        "score",
        "in.csv",
        "out.csv",
        "--model",
        str(model),
        "--batch",
        "500",
    ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    folder = tmp_path / ".out.csv.parts"
    for least in (1, 4):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while len(list(folder.glob("[0-9]*.parquet"))) < least:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not Path("out.csv").exists()
    kept = len(list(folder.glob("[0-9]*.parquet")))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"aisle: going on after {500 * kept:,} rows that an earlier run scored" in done.stderr
    assert "\r" not in done.stderr  # no bar in a log
    assert f"{500 * kept:,} rows had been scored by an earlier run" in done.stdout
    assert [row["product_id"] for row in read(Path("out.csv"))] == [f"p{number}" for number in range(20_000)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
