from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AISLE_", "DATABASE", "DJANGO"))}
    return {
        **kept, "AISLE_DESK_FOLDER": str(folder), "AISLE_SERVICE_URL": "http://127.0.0.1:9",
        "AISLE_DATA": str(folder.parent / "data"), "PYTHONPATH": str(ROOT), **more,
    }  # fmt: skip


def desk(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "desk", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env=environment(folder, **more),
        timeout=90,
    )


class Running:
    """A started desk: its address, and what it has printed."""

    def __init__(self, folder: Path) -> None:
        self.log = folder.parent / "errors"
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commands.main", "desk", "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder.parent,
                env=environment(folder),
            )
        assert self.process.stdout is not None
        self.said: list[str] = []
        while not self.said or not self.said[-1].startswith("the desk is at "):
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            self.said.append(line.strip())
        self.address = self.said[-1].split()[4].rstrip("/")

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in path.read_text().split()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Running]:
    running = Running(folder)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
        assert running.process.stdout is not None
        running.process.stdout.close()


def read(opener: urllib.request.OpenerDirector, address: str, **form: str) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    with opener.open(address, data, timeout=60) as answer:
        return str(answer.read().decode())


def browser() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )


@pytest.mark.slow
def test_it_starts_with_a_demo_user_serves_and_stops(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    with started(folder) as running:
        told = re.fullmatch(r"log in as demo with the password (\S{16}) \(shown this once.*\)", running.said[0])
        assert told, running.said
        opener = browser()
        form = read(opener, f"{running.address}/log-in/")
        value = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert value
        page = read(
            opener, f"{running.address}/log-in/",
            username="demo", password=told[1], csrfmiddlewaretoken=value[1], next="/people/",
        )  # fmt: skip
        assert "<h1>People</h1>" in page
        assert "color-scheme" in read(opener, f"{running.address}/static/people/base.css")
        children = running.children()
        assert len(children) == 2
        with contextlib.closing(http.client.HTTPConnection(running.address.split("//")[1])) as idle:
            idle.request("GET", "/log-in/")
            assert idle.getresponse().read()  # … and keeps the connection, as an open page does
            began = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - began < 10
        assert "ending when what runs is done" in running.log.read_text()
        assert not [number for number in children if Path(f"/proc/{number}").exists()]
    assert told[1] not in running.log.read_text()
    with started(folder) as again:
        assert len(again.said) == 1, "the password is printed once"


@pytest.mark.slow
def test_a_web_server_that_is_killed_comes_back_at_the_same_address(tmp_path: Path) -> None:
    with started(tmp_path / "desk") as running:
        read(browser(), f"{running.address}/log-in/")
        web = next(one for one in running.children() if b"gunicorn" in Path(f"/proc/{one}/cmdline").read_bytes())
        os.killpg(web, signal.SIGKILL)
        assert "Log in" in read(browser(), f"{running.address}/log-in/"), "the port stays open meanwhile"
        assert "the web server was ended by SIGKILL; it is started again in 1 s" in running.log.read_text()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = desk(tmp_path / "desk", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == (
        f"aisle: port {port} of 127.0.0.1 cannot be opened (Address already in use); choose another one with --port\n"
    )
    assert "password" not in done.stdout, "the demo user is not made by a start that fails"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "listens on this machine alone"),
        (["--processes", "4"], "needs PostgreSQL"),
        (["--processes", "0"], "is no number from 1 to 64"),
        (["--port", "70000"], "is no port"),
        (["load"], "required: FILE"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, words: list[str], says: str) -> None:
    done = desk(tmp_path / "desk", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_file_to_load_is_one_line(tmp_path: Path) -> None:
    done = desk(tmp_path / "desk", "load", "nothing.csv", "--mapping", "nothing.yaml")
    assert (done.returncode, done.stderr) == (2, "aisle: nothing.csv: no such file; check the path\n")


@pytest.mark.parametrize("words", [[], ["manage", "migrate"], ["export"]], ids=" ".join)
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ann:s3cret@127.0.0.1:9/desk", "port 9 failed: Connection refused"),
        ("postgresql://ann:s3cret@127.0.0.1:9/desk?sslmod=require", 'invalid connection option "sslmod"'),
        ("", "file is not a database"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, words: list[str], url: str, says: str) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "desk.sqlite3").write_text("notes of a meeting, which are no database at all")
    done = desk(folder, *words, DATABASE_URL=url)
    assert done.returncode == 2
    assert done.stderr.startswith(f"aisle: {'DATABASE_URL' if url else folder / 'desk.sqlite3'}: the database cannot")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("content", ["[1, 2]", '"text"', '{"AISLE_AUDIT_SECRET": 7}', "{"])
def test_secrets_that_are_none_are_one_line(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "secrets.json").write_text(content)
    done = desk(folder, "check")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"aisle: {folder / 'secrets.json'}: ")


def test_the_check_says_what_is_missing(tmp_path: Path) -> None:
    done = desk(tmp_path / "desk", "check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "ok      settings: for this machine alone"
    assert "MISSING database: " in done.stdout
    assert "aisle desk manage migrate" in done.stdout
    assert "MISSING category tree: " in done.stdout
    assert "MISSING scoring service: http://127.0.0.1:9" in done.stdout
    assert desk(tmp_path / "desk", "manage", "migrate", "--verbosity", "0").returncode == 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "taxonomy.csv").write_text("category_id,parent_id,name\na,,A\nb,a,B\nc,a,C\n")
    done = desk(tmp_path / "desk", "check")
    assert "ok      database: sqlite, up to date" in done.stdout
    assert "ok      category tree: 2 categories in 1 branches" in done.stdout


def test_production_starts_with_nothing_made_up(tmp_path: Path) -> None:
    production = {"AISLE_DESK_PRODUCTION": "true", "AISLE_DESK_HOSTS": "desk.example.org"}
    done = desk(tmp_path / "desk", "--port", "0", **production)
    assert (done.returncode, "AISLE_DESK_SECRET_KEY has 0 characters" in done.stderr) == (2, True)
    secrets = {"AISLE_DESK_SECRET_KEY": "k" * 30 + "abcdefghij" * 3, "AISLE_AUDIT_SECRET": "a" * 60}
    for words in (("--port", "0"), ("manage", "migrate")):
        done = desk(tmp_path / "desk", *words, **production, **secrets)
        assert done.returncode == 2
        assert f"there is no folder {tmp_path / 'desk'}; mount it, or make it with" in done.stderr
    (tmp_path / "desk").mkdir()
    done = desk(tmp_path / "desk", "--port", "0", **production, **secrets)
    assert done.returncode == 2
    assert "changes of the database wait; run `aisle desk manage migrate` first" in done.stderr
    assert "password" not in done.stdout
    assert not (tmp_path / "desk" / "secrets.json").exists()


def test_djangos_commands_get_their_own_options(tmp_path: Path) -> None:
    done = desk(tmp_path / "desk", "manage", "check", "--help")
    assert done.returncode == 0
    assert "--deploy" in done.stdout
