from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from desk import supervisor
from desk.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[2]
COUNT = (
    "import sys, pathlib, time; p = pathlib.Path(sys.argv[1]); p.open('a').write('x'); time.sleep(float(sys.argv[2]))"
)


ENDING = "ending when what runs is done … (Ctrl-C again: at once)"


def counting(path: Path, seconds: float, more: str = "") -> list[str]:
    return [sys.executable, "-c", COUNT + more, str(path), str(seconds)]


def until(good: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_what_dies_is_started_again_after_growing_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.2)
    said: list[str] = []
    child = Child("clock", counting(tmp_path / "starts", 0, "; sys.exit(3)"), pause=0.05)
    made = Supervisor([child], os.environ, said.append)

    def stop_after_four() -> None:
        until(lambda: len(said) >= 4)
        made.stop()

    watcher = threading.Thread(target=stop_after_four)
    watcher.start()
    made.run()
    watcher.join()
    assert said[:4] == [
        f"the clock ended with exit code 3; it is started again in {pause:g} s" for pause in (0.05, 0.1, 0.2, 0.2)
    ]
    assert (tmp_path / "starts").read_text().startswith("xxxx")


def test_a_stop_ends_all_and_kills_the_deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PATIENCE", 0.5)
    said: list[str] = []
    deaf = "import signal, sys, pathlib, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += f"pathlib.Path({str(tmp_path / 'deaf')!r}).touch(); time.sleep(60)"
    children = [
        Child("listener", counting(tmp_path / "here", 60)),
        Child("deaf one", [sys.executable, "-c", deaf]),
    ]
    made = Supervisor(children, os.environ, said.append)

    def stop_when_started() -> None:
        until(lambda: (tmp_path / "deaf").exists() and (tmp_path / "here").exists())
        made.stop()

    watcher = threading.Thread(target=stop_when_started)
    watcher.start()
    made.run()
    watcher.join()
    assert said == [ENDING, "the deaf one did not end within 0.5 s and is killed"]
    codes = [child.process.returncode for child in children if child.process is not None]
    assert codes == [-signal.SIGTERM, -signal.SIGKILL]


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    deaf = "import signal, pathlib, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += f"pathlib.Path({str(tmp_path / 'deaf')!r}).touch(); time.sleep(60)"
    child = Child("deaf one", [sys.executable, "-c", deaf])
    made = Supervisor([child], os.environ, said.append)
    times: list[float] = []

    def interrupt_twice() -> None:
        until((tmp_path / "deaf").exists)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: said == [ENDING])
        time.sleep(0.3)
        times.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_twice)
    watcher.start()
    made.run()
    watcher.join()
    assert time.monotonic() - times[0] < 3
    assert said == [ENDING, "the deaf one is killed"]


SLOW_APP = """
import pathlib, time
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        pathlib.Path("asked").touch()
        time.sleep(2)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]
"""


def test_the_web_server_ends_without_idle_connections_but_with_requests_that_run(tmp_path: Path) -> None:
    (tmp_path / "slow_app.py").write_text(SLOW_APP)
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as stack:
        words = [sys.executable, "-m", "gunicorn", "slow_app:application", "--bind", f"fd://{listening.fileno()}"]
        words += ["--worker-class", "desk.supervisor.Threads", "--threads", "4", "--graceful-timeout", "20"]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
        process = subprocess.Popen(
            [*words, "--keep-alive", "60", "--no-control-socket"], env=environment, cwd=tmp_path,
            pass_fds=[listening.fileno()], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            address = ("127.0.0.1", listening.getsockname()[1])
            idle, running = (
                stack.enter_context(contextlib.closing(http.client.HTTPConnection(*address, timeout=30)))
                for _ in range(2)
            )
            idle.request("GET", "/")
            assert idle.getresponse().read() == b"done"
            running.request("GET", "/slow")
            until((tmp_path / "asked").exists)
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert running.getresponse().read() == b"done"
            process.wait(30)
            assert time.monotonic() - asked < 8
            assert process.returncode == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="a kill of the parent reaches the children on Linux")
def test_when_the_parent_is_killed_the_children_end(tmp_path: Path) -> None:
    code = (
        "import os, sys; from desk.supervisor import Child, Supervisor; "
        "Supervisor([Child('one', [sys.executable, '-c', "
        f"'import os, pathlib, time; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()));"
        " time.sleep(60)'])], os.environ).run()"
    )
    code = code.replace(repr(str(tmp_path / "pid")), repr(str(tmp_path / "pid")).replace("'", '"'))
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    finally:
        parent.kill()
        parent.wait()
    number = int((tmp_path / "pid").read_text())
    until(lambda: not _alive(number))


def _alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False
