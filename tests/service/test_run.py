"""The process that serves, as a real process on a real port."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from service import server
from service.keys import line_of
from tests.conftest import lacking
from tests.service.log_rows import folder_of_another, logged
from tests.service.stub_bento import ROOT, Served, mounts_allowed, refused, write_stub

JSON = {"content-type": "application/json"}
FREE = ("--port", "0")


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stub(tmp_path_factory.mktemp("bento") / "stub")


def test_one_line_says_that_it_is_ready_and_where(bento: Path) -> None:
    with Served(str(bento), *FREE) as served:
        assert re.fullmatch(r"stub:v1 is ready at http://127\.0\.0\.1:\d+ \(Ctrl\+C stops it\)\n", served.line)
        for path in ("/livez", "/readyz", "/healthz"):
            answer = httpx.get(served.url + path)
            assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
        assert httpx.post(served.url + "/score", content=b"{}", headers=JSON).json() == {"bytes": 2}
        assert httpx.get(served.url + "/nothing").headers["content-type"] == "application/problem+json"
        assert "server" not in httpx.get(served.url + "/livez").headers


def test_it_starts_without_what_the_service_does_not_need(bento: Path) -> None:
    with Served(str(bento), *FREE) as served:
        loaded = httpx.get(served.url + "/modules").json()["modules"]
    there = {name.partition(".")[0] for name in loaded}
    assert there & {"mlflow", "dvc", "pandas", "pyarrow", "great_expectations", "pipelines", "commands"} == set()
    assert {"bentoml", "service"} <= there


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(number: int, bento: Path) -> None:
    with Served(str(bento), *FREE) as served:
        code, seconds, told = served.stop(number)
    assert (code, told) == (0, "")
    assert seconds < 5


def test_what_runs_is_finished_and_the_log_is_flushed(bento: Path, tmp_path: Path) -> None:
    with Served(str(bento), *FREE, AISLE_LOG_FOLDER=str(tmp_path)) as served:
        answers: list[int] = []
        slow = threading.Thread(target=lambda: answers.append(httpx.get(served.url + "/slow?seconds=1").status_code))
        slow.start()
        idle = httpx.Client()
        assert idle.post(served.url + "/score", content=b"{}", headers=JSON).status_code == 200
        time.sleep(0.3)
        code, seconds, told = served.stop(signal.SIGTERM)
        slow.join()
        idle.close()
    assert (answers, code, told) == ([200], 0, "")
    assert 0.2 < seconds < 5
    assert logged(tmp_path) == ["one"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.url)


def test_what_never_ends_does_not_keep_it(bento: Path) -> None:
    assert server.GRACE_SECONDS + 10 < 30  # Kubernetes kills after 30 s; the log has 10 s to be flushed
    with Served(str(bento), *FREE, change="server.GRACE_SECONDS = 1") as served:
        hanging = threading.Thread(target=_ask_in_vain, args=[served.url + "/slow?seconds=60"])
        hanging.start()
        time.sleep(0.3)
        code, seconds, _ = served.stop(signal.SIGTERM)
        hanging.join()
    assert code == 0
    assert 1 <= seconds < 6


def _ask_in_vain(url: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(url, timeout=90)


def test_a_signal_while_it_starts_ends_it_too(bento: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "service.run", str(bento), *FREE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert (process.returncode in (0, -signal.SIGTERM), told) == (True, b"")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "shop.example"], "'shop.example' is no address"),
        (["--host", "localhost"], "'localhost' is no address; give one such as 127.0.0.1"),
        (["--host", ""], "'' is no address"),
        (["--port", "70000"], "'70000' is no port"),
        (["--port", "http"], "'http' is no port"),
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
        (["--host", "192.0.2.1"], "192.0.2.1 lets other machines in, and no API key is configured"),
        (["--host", "0.0.0.0"], "make one with `aisle key NAME`"),
        (["--host", "::"], "no API key is configured"),
    ],
)
def test_a_wrong_place_is_one_line(words: list[str], message: str, bento: Path) -> None:
    assert message in refused(str(bento), *FREE, *words)


def test_an_address_of_another_machine_is_one_line(bento: Path) -> None:
    key = line_of("shop", "s")
    said = refused(str(bento), "--host", "192.0.2.1", *FREE, AISLE_API_KEYS=key)
    assert said == "192.0.2.1 is no address of this machine; give another --host"


def test_a_port_in_use_is_one_line(bento: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(str(bento), "--port", str(port)) == (
            f"port {port} is taken; stop what listens there, or give another --port"
        )


def test_a_port_that_was_just_in_use_is_free(bento: Path) -> None:
    with Served(str(bento), *FREE) as first:
        with httpx.Client() as client:
            assert client.get(first.url + "/livez").status_code == 200
            first.stop(signal.SIGTERM)
        port = first.url.rpartition(":")[2]
    with Served(str(bento), "--port", port) as second:
        assert second.url == first.url


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"AISLE_API_KEYS": "shop:abc"}, "AISLE_API_KEYS: entry 1"),
        ({"AISLE_API_KEYS_FILE": "/nowhere/keys"}, "AISLE_API_KEYS_FILE: /nowhere/keys: no such file"),
        ({"AISLE_LOG_FOLDER": "/proc/logs"}, "AISLE_LOG_FOLDER: /proc/logs: "),
        ({"AISLE_TIMEOUT_SECONDS": "0"}, "AISLE_TIMEOUT_SECONDS"),
        ({"STUB_FAILS": "model"}, "model.skops: damaged; package it again"),
        ({"STUB_FAILS": "code"}, "cannot be served: line one line two (RuntimeError at "),
        ({"STUB_FAILS": "library"}, "cannot be served: No module named 'no_such_library'"),
    ],
)
def test_what_cannot_start_is_one_line(settings: dict[str, str], message: str, bento: Path) -> None:
    assert message in refused(str(bento), *FREE, **settings)


@pytest.mark.parametrize("damage", ["no yaml", "bad yaml", "half yaml", "no code", "bad code", "no service", "file"])
def test_a_damaged_bento_is_one_line(damage: str, bento: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(bento, folder)
    manifest, code = folder / "bento.yaml", folder / "src" / "stub_service.py"
    match damage:
        case "no yaml":
            manifest.unlink()
        case "bad yaml":
            manifest.write_text("{")
        case "half yaml":
            manifest.write_text("name: stub\n")
        case "no code":
            shutil.rmtree(folder / "src")
        case "bad code":
            code.write_text(code.read_text() + "\n(")
        case "no service":
            code.write_text("x = 1\n")
        case "file":
            shutil.rmtree(folder)
            folder.write_text("x")
    said = refused(str(folder), *FREE)
    assert str(folder) in said
    assert "`aisle package`" in said


def test_no_bento_is_one_line(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "none"), *FREE).endswith("none: no such folder; `aisle package` builds a Bento")
    assert refused(*FREE).startswith("no Bento is named; give the folder of one")


def test_a_bento_that_brings_our_code_runs_with_its_own(bento: Path, tmp_path: Path) -> None:
    folder = tmp_path / "complete"
    shutil.copytree(bento, folder)
    for room in ("service", "aisle"):
        shutil.copytree(ROOT / room, folder / "src" / room, ignore=shutil.ignore_patterns("__pycache__"))
    own = folder / "src" / "service" / "run.py"
    own.write_text(own.read_text().replace("Ctrl+C", "^C"))
    process = folder / "src" / "service" / "server.py"
    process.write_text(process.read_text().replace("is ready at", "of the Bento is ready at"))
    for words, cwd in (([str(folder)], ROOT), (["complete"], tmp_path), ([], folder / "src")):
        search = {"PYTHONPATH": ""} if not words else {}
        with Served(*words, *FREE, cwd=cwd, **search) as served:
            assert served.line.startswith("stub:v1 of the Bento is ready at")
            assert httpx.get(served.url + "/livez").status_code == 200


def test_paths_of_the_environment_are_those_of_who_starts_it(bento: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(line_of("shop", "s"))
    with Served(str(bento), *FREE, cwd=tmp_path, AISLE_LOG_FOLDER="logs", AISLE_API_KEYS_FILE="keys") as served:
        assert httpx.post(served.url + "/score", content=b"{}", headers=JSON).status_code == 401
        headers = {**JSON, "authorization": "Bearer s"}
        assert httpx.post(served.url + "/score", content=b"{}", headers=headers).status_code == 200
        served.stop(signal.SIGTERM)
    assert logged(tmp_path / "logs") == ["one"]
    assert not (bento / "src" / "logs").exists()


def test_beyond_this_machine_a_key_is_needed(bento: Path) -> None:
    with Served(str(bento), "--host", "0.0.0.0", *FREE, AISLE_API_KEYS=line_of("shop", "s")) as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.post(url + "/score", content=b"{}", headers=JSON).status_code == 401
        headers = {**JSON, "authorization": "Bearer s"}
        assert httpx.post(url + "/score", content=b"{}", headers=headers).status_code == 200
        assert httpx.get(url + "/readyz").status_code == 200


@pytest.mark.parametrize("memory_disk", [True, False])
def test_it_runs_as_another_user_with_nothing_to_write_to_but_the_log(
    memory_disk: bool, bento: Path, tmp_path: Path
) -> None:
    if not mounts_allowed():
        lacking("only root can make everything read-only")
    with folder_of_another() as (logs, as_another):
        script = tmp_path / "read_only.sh"
        script.write_text(
            f"set -e\nmount --make-rprivate /\nmount --bind {logs} {logs}\nmount -o bind,remount,ro /\n"
            f"{'' if memory_disk else 'mount -t tmpfs -o ro none /dev/shm'}\n"
            'touch /tmp/x 2>/dev/null && exit 3\nexec "$@"\n'
        )
        before = ["unshare", "-m", "bash", str(script), *as_another]
        with Served(str(bento), *FREE, before=before, AISLE_LOG_FOLDER=str(logs)) as served:
            assert httpx.post(served.url + "/score", content=b"{}", headers=JSON).status_code == 200
            code, _, told = served.stop(signal.SIGTERM)
        assert (code, told) == (0, "")
        assert logged(logs) == ["one"]
        assert [path.suffix for path in logs.iterdir()] == [".jsonl"]


def test_a_log_folder_that_cannot_be_written_is_one_line(bento: Path) -> None:
    with folder_of_another() as (logs, as_another):
        logs.chmod(0o500)
        said = refused(str(bento), *FREE, before=as_another, AISLE_LOG_FOLDER=str(logs))
    assert re.fullmatch(rf"AISLE_LOG_FOLDER: {logs}: cannot be written by user \d+; check who owns it", said)


def test_a_bare_model_is_served_with_our_code(packaged: Path, tmp_path: Path) -> None:
    with Served(*FREE, AISLE_MODEL_FOLDER=str(packaged), AISLE_LOG_FOLDER=str(tmp_path)) as served:
        product = {"product_id": "seller:1", "title": "wooden train"}
        answer = httpx.post(served.url + "/v1/categorize", json={"products": [product]})
        assert (answer.status_code, answer.json()["product_id"]) == (200, ["seller:1"])
        assert httpx.get(served.url + "/v1/health").json()["ready"]
        assert "aisle_requests" in httpx.get(served.url + "/metrics").text
        code, _, told = served.stop(signal.SIGTERM)
    assert (code, told) == (0, "")
    assert logged(tmp_path) == ["seller:1"]


def test_nothing_is_written_beside_the_log(bento: Path, tmp_path: Path) -> None:
    home, logs = tmp_path / "home", tmp_path / "logs"
    home.mkdir()
    before = sorted(bento.rglob("*"))
    with Served(str(bento), *FREE, HOME=str(home), TMPDIR=str(home), AISLE_LOG_FOLDER=str(logs)) as served:
        assert httpx.post(served.url + "/score", content=b"{}", headers=JSON).status_code == 200
        served.stop(signal.SIGTERM)
    assert list(home.iterdir()) == []
    assert sorted(bento.rglob("*")) == before


def test_connections_that_never_send_a_request_are_closed(bento: Path) -> None:
    with Served(str(bento), *FREE, change="server.KEEP_ALIVE_SECONDS = 1") as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            begun = time.monotonic()
            slow.sendall(b"GET /livez HTTP/1.1\r\nHost: ")
            with contextlib.suppress(OSError):
                while time.monotonic() - begun < 15:
                    slow.sendall(b"x")
                    time.sleep(0.1)
            assert 1 < time.monotonic() - begun < 10
