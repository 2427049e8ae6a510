"""What we rely on in BentoML: the next version must still do this. It keeps state, so each asks in its own process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

SERVICE = """
import os, sys
import bentoml

class Front:
    def __init__(self, app, service):
        self.app, self.service = app, service

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/ours":
            text = self.service.answer.encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": text})
        else:
            await self.app(scope, receive, send)

class Fronted(bentoml.Service):
    answer = ""
    def to_asgi(self, is_main=True):
        return Front(super().to_asgi(is_main), self)

@bentoml.service(name="tiny", service_class=Fronted, workers=1, metrics={"enabled": False},
                 logging={"access": {"enabled": False}})
class Tiny:
    def __init__(self):
        model = bentoml.models.get("the-model")
        Tiny.answer = f"{open(model.path_of('weights')).read()} {Tiny.bento.tag}"

    @bentoml.on_deployment
    @staticmethod
    def check():
        if os.environ.get("TINY_FAILS"):
            print("tiny: the model is damaged", file=sys.stderr)
            raise SystemExit(2)

    async def __is_ready__(self):
        return not os.environ.get("TINY_UNREADY")

    @bentoml.on_shutdown
    def close(self):
        print("closed")
"""
BUILD = """
import pathlib, sys
import bentoml
with bentoml.models.create("tiny:7", labels={"a": "b"}) as model:
    pathlib.Path(model.path_of("weights")).write_text("heavy")
bentoml.bentos.build(
    "service:Tiny", name="tiny", version="7-abc", labels={"model_version": "7"}, description="about",
    include=["*"], python={"lock_packages": False, "pack_git_packages": False},
    models=[{"tag": str(model.tag), "alias": "the-model"}], build_ctx=sys.argv[1],
)
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing on the path but the system: no `uv`, no tool that could reach out."""
    kept = {"PATH": "/usr/bin:/bin", "HOME": str(home), "BENTOML_DO_NOT_TRACK": "true", "PYTHONWARNINGS": "ignore"}
    return {**kept, "BENTOML_HOME": str(home), **more}


def run(code: str, *words: str, home: Path, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment(home, **more),
        cwd=home,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one Bento, built without any tool at hand that could ask an index."""
    home, code = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("code")
    (code / "service.py").write_text(SERVICE)
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "service.pyc").write_bytes(b"")
    run(BUILD, str(code), home=home, BENTOML_ENABLE_FEATURES="no_image", http_proxy="http://127.0.0.1:9")
    return home


@pytest.fixture(scope="module")
def unpacked(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `aisle package --output` lays it out: the model beside the Bento's files, one file that names it."""
    folder = tmp_path_factory.mktemp("unpacked") / "bento"
    subprocess.run(["cp", "-r", store / "bentos" / "tiny" / "7-abc", folder], check=True)
    subprocess.run(["cp", "-r", store / "models", folder], check=True)
    return folder


def test_a_bento_lies_where_its_tag_says_with_labels_and_the_alias_of_its_model(store: Path) -> None:
    bento = store / "bentos" / "tiny" / "7-abc"
    about = yaml.safe_load((bento / "bento.yaml").read_text())
    assert (about["name"], about["version"], about["labels"]) == ("tiny", "7-abc", {"model_version": "7"})
    assert (about["models"][0]["tag"], about["models"][0]["alias"]) == ("tiny:7", "the-model")
    assert about["creation_time"]
    assert about["spec"] == 1  # the kind that resolves no packages
    assert (bento / "src" / "service.py").read_text() == SERVICE
    assert not (bento / "src" / "__pycache__").exists()
    assert (store / "models" / "tiny" / "7" / "weights").read_text() == "heavy"
    assert [path.read_text() for path in sorted(store.glob("*/tiny/latest"))] == ["7-abc", "7"]


ASK = """
import sys
import bentoml
from starlette.testclient import TestClient
app = bentoml.load(sys.argv[1]).to_asgi()
with TestClient(app) as client:
    print(client.get("/ours").text)
    print(*(client.get(path).status_code for path in ("/readyz", "/livez", "/healthz", "/metrics")))
"""


def test_a_store_outside_serves_the_front_and_the_probes(store: Path) -> None:
    said = run(ASK, str(store / "bentos" / "tiny" / "7-abc"), home=store).splitlines()
    assert said == ["heavy tiny:7-abc", "200 200 200 404", "closed"]


def test_an_unpacked_bento_brings_its_model_and_needs_no_store(unpacked: Path, tmp_path: Path) -> None:
    assert run(ASK, str(unpacked), home=tmp_path).splitlines()[0] == "heavy tiny:7-abc"


def test_its_own_model_goes_before_one_of_the_store(store: Path, unpacked: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", store / "models", tmp_path], check=True)
    (tmp_path / "models" / "tiny" / "7" / "weights").write_text("another")
    assert run(ASK, str(unpacked), home=tmp_path).splitlines()[0] == "heavy tiny:7-abc"


def test_what_is_not_ready_says_so(unpacked: Path, tmp_path: Path) -> None:
    assert run(ASK, str(unpacked), home=tmp_path, TINY_UNREADY="1").splitlines()[1] == "503 200 200 404"


def test_the_parent_of_serve_ends_where_the_deployment_hook_ends_it(unpacked: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("bentoml"), "serve", unpacked, "--port", "0"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(tmp_path, TINY_FAILS="1"),
    )
    assert done.returncode == 2
    assert "tiny: the model is damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_loading_makes_the_folders_of_the_store_but_takes_those_that_are_there(unpacked: Path, tmp_path: Path) -> None:
    """So a process without any place to write needs a BENTOML_HOME that holds these four."""
    run(ASK, str(unpacked), home=tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert made == ["bentos", "envs", "models", "tmp"]
    before = tmp_path.stat().st_mtime_ns
    run(ASK, str(unpacked), home=tmp_path)
    assert tmp_path.stat().st_mtime_ns == before


def test_a_tar_archive_of_an_unpacked_bento_can_be_imported(unpacked: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file())
    subprocess.run(["tar", "-cJf", tmp_path / "tiny.bento", "-C", unpacked, *names], check=True)
    code = "import sys, bentoml; print(bentoml.bentos.import_bento(sys.argv[1]).tag)"
    assert run(code, str(tmp_path / "tiny.bento"), home=tmp_path) == "tiny:7-abc\n"
    assert (tmp_path / "models" / "tiny" / "7" / "weights").read_text() == "heavy"
