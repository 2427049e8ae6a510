"""A Bento without a model, and processes that serve it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
_YAML = """\
service: stub_service:Stub
name: stub
version: v1
bentoml_version: 1.4.39
creation_time: '2026-11-21T06:00:00+00:00'
models: []
entry_service: stub
services:
- {name: stub, service: '', models: [], dependencies: [], config: {}}
schema: {}
image: {}
"""
_SERVICE = """\
import asyncio, os, sys
from pathlib import Path

import bentoml
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aisle.errors import ModelError
from service.limits import Guard
from service.prediction_log import PredictionLog
from service.settings import Settings

log = None


async def slow(request: Request) -> JSONResponse:
    await asyncio.sleep(float(request.query_params["seconds"]))
    return JSONResponse({"done": True})


async def score(request: Request) -> JSONResponse:
    body = await request.body()
    if log is not None:
        log.add({"product_id": ["one"], "category_id": "a", "branch_id": "a", "confidence": 0.5, "decision": "auto",
                 "model_version": "1", "policy_id": "p", "revision": 1})
    return JSONResponse({"bytes": len(body)})


async def large(request: Request) -> Response:
    return Response(b"x" * 32 * 2**20)


async def modules(request: Request) -> JSONResponse:
    return JSONResponse({"modules": sorted(sys.modules), "folder": os.getcwd()})


app = Starlette(
    routes=[
        Route("/slow", slow),
        Route("/score", score, methods=["POST"]),
        Route("/modules", modules),
        Route("/large", large),
    ],
    middleware=[Middleware(Guard, settings=Settings.from_environment(os.environ))],
)


@bentoml.service(name="stub", metrics={"enabled": False}, logging={"access": {"enabled": False}})
@bentoml.asgi_app(app, path="/")
class Stub:
    def __init__(self) -> None:
        global log
        match os.environ.get("STUB_FAILS"):
            case "model":
                raise ModelError("model.skops: damaged; package it again")
            case "code":
                raise RuntimeError("line one\\nline two")
            case "library":
                import no_such_library
        if os.environ.get("AISLE_LOG_FOLDER"):
            log = PredictionLog(Path(os.environ["AISLE_LOG_FOLDER"]), 2**20)

    @bentoml.on_shutdown
    def flush(self) -> None:
        if log is not None:
            log.close(5)
"""


def write_stub(folder: Path) -> Path:
    """The Bento as a folder; its code is its own, what it imports of `service` is that of the checkout."""
    (folder / "src").mkdir(parents=True)
    (folder / "bento.yaml").write_text(_YAML)
    (folder / "src" / "stub_service.py").write_text(_SERVICE)
    return folder


def environment(**more: str) -> dict[str, str]:
    """Nothing of ours but what is given; an empty home."""
    return {"PATH": "/usr/bin:/bin", "HOME": "", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


class Served:
    """A process of `python -m service.run`; waits for its line, and is stopped at the end of a `with`."""

    def __init__(
        self, *words: str, before: list[str] | None = None, change: str = "", cwd: Path = ROOT, **more: str
    ) -> None:
        module = ["-c", f"import sys; from service import run, server; {change}; sys.exit(run.main())"]
        command = [*(before or []), sys.executable, *(module if change else ["-m", "service.run"]), *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**more), cwd=cwd
        )
        self.line = self._first_line(60)
        self.url = self.line.partition(" at ")[2].partition(" ")[0]

    def _first_line(self, seconds: float) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError(f"not ready: {self.process.communicate()[1]}")
        return line

    def stop(self, signal_number: int) -> tuple[int, float, str]:
        """Exit code, seconds that it took, and standard error."""
        begun = time.monotonic()
        self.process.send_signal(signal_number)
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, time.monotonic() - begun, told

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def refused(*words: str, before: list[str] | None = None, cwd: Path = ROOT, **more: str) -> str:
    """What a process that cannot start says; asserts that it is one line, and the exit code 2."""
    done = subprocess.run(
        [*(before or []), sys.executable, "-m", "service.run", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment(**more),
        cwd=cwd,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, ""), (done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("aisle: "), done.stderr
    return done.stderr.removeprefix("aisle: ").rstrip("\n")


def mounts_allowed() -> bool:
    """Whether this process may have a view of the file system of its own."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
