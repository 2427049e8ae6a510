"""From the alias `champion` to a Bento, with the real MLflow and the real BentoML in temporary stores."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from aisle.decision.policy import read_policy
from aisle.errors import AisleError, ConfigurationError, DataError, ModelError, RegistryError
from aisle.files import holding, sha256_of
from pipelines.bento import contents, packaging, store
from pipelines.bento.champion import champion
from pipelines.bento.comparing import questions
from pipelines.registry import connection, registering, versions
from pipelines.registry.packaging import answers_apart
from tests.conftest import lacking
from tests.pipelines.small_graph import write_graph

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

OTHER_USER = 65534  # nobody
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "MLFLOW_EXPERIMENT_NAME", "BENTOML_HOME")


@pytest.fixture(scope="module", autouse=True)
def one_thread_and_code_that_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for inside in contents.code_files():  # a copy, so that nobody's edit makes other code of it meanwhile
            (tmp_path_factory.getbasetemp() / "code" / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(contents.ROOT / inside, tmp_path_factory.getbasetemp() / "code" / inside)
        patch.setattr(contents, "ROOT", tmp_path_factory.getbasetemp() / "code")
        yield


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose graph run is registered; nobody is champion. Tests leave it as it is."""
    folder = write_graph(tmp_path_factory.mktemp("registered"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        registering.register(folder)
    return folder


@pytest.fixture(scope="module")
def packaged(registered: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, packaging.Packaged]:
    """The same with a champion and its Bento, made with everything real. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("packaged")
    shutil.copytree(registered, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(
            "AISLE_API_KEYS", f"somebody:{'0' * 64}"
        )  # of this machine's own service: no concern of the Bento's
        versions.promote(connection.connect(), "1", "ann", "first")
        return folder, packaging.package(folder)


@pytest.fixture
def project(packaged: tuple[Path, packaging.Packaged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packaged project as the current folder."""
    shutil.copytree(packaged[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_of(folder: Path) -> dict[str, str]:
    return {one.relative_to(folder).as_posix(): sha256_of(one) for one in folder.rglob("*") if one.is_file()}


def tag_version(**tags: str) -> None:
    client = connection.connect()
    for key, value in tags.items():
        client.set_model_version_tag("aisle", "1", key, value)


class TestWhatIsPackaged:
    def test_the_labels_say_where_it_comes_from(self, packaged: tuple[Path, packaging.Packaged]) -> None:
        done = packaged[1]
        labels = done.bento.labels
        assert done.new
        assert done.bento.tag == f"aisle:1-{done.bento.path.name.removeprefix('1-')}"
        assert {name: labels[name] for name in ("model_name", "model_version", "gate", "promoted_by")} == {
            "model_name": "aisle", "model_version": "1", "gate": "no_champion", "promoted_by": "ann",
        }  # fmt: skip
        assert labels["data_version"] == "0" * 32 + ".dir"
        assert labels["git_commit"] == "none"
        assert len(labels["source"]) == 64
        assert labels["policy_id"] == read_policy(done.bento.model / "policy.json").policy_id
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(packaged[0])
            assert champion() == (labels["model_version"], labels["run_id"])

    def test_the_example_rows_and_test_rows_were_compared(self, packaged: tuple[Path, packaging.Packaged]) -> None:
        assert packaged[1].compared == registering.EXAMPLE_ROWS + 100

    def test_the_model_is_that_of_the_registry(
        self, registered: Path, packaged: tuple[Path, packaging.Packaged]
    ) -> None:
        done = packaged[1]
        (logged,) = registered.glob("mlartifacts/models/*/artifacts/artifacts")
        for name in contents.MODEL_FILES:
            assert (done.bento.model / name).read_bytes() == (logged / name).read_bytes()
        identity = json.loads((done.bento.model / "identity.json").read_text())
        assert list(identity) == [
            "model_name", "model_version", "run_id", "policy_id", "data_version", "git_commit", "bento_tag",
            "promoted_at", "promoted_by",
        ]  # fmt: skip
        assert identity["bento_tag"] is None
        assert {
            name: value for name, value in identity.items() if name != "bento_tag"
        }.items() <= done.bento.labels.items()

    def test_it_holds_the_code_of_two_rooms_and_nothing_else(self, packaged: tuple[Path, packaging.Packaged]) -> None:
        path = packaged[1].bento.path
        assert sorted(one.name for one in path.iterdir()) == ["README.md", "bento.yaml", "env", "src"]
        assert sorted(one.name for one in (path / "src").iterdir()) == ["aisle", "bentofile.yaml", "service"]
        inside = [one.relative_to(path / "src") for one in (path / "src").rglob("*") if one.is_file()]
        assert sorted(one for one in inside if one.name != "bentofile.yaml") == contents.code_files()
        assert not [one for one in inside if {"tests", "__pycache__"} & set(one.parts) or one.name.startswith(".")]

    def test_pins_and_container_are_ours(self, packaged: tuple[Path, packaging.Packaged], root: Path) -> None:
        env = packaged[1].bento.path / "env"
        assert sorted(files_of(env)) == ["docker/Dockerfile", "python/requirements.txt"]
        assert (env / "python" / "requirements.txt").read_bytes() == (root / contents.LOCK).read_bytes()
        assert "service.run" in (env / "docker" / "Dockerfile").read_text()

    def test_no_leftover_lies_in_the_store(self, packaged: tuple[Path, packaging.Packaged]) -> None:
        found = sorted(one.relative_to(packaged[0] / "bentos").as_posix() for one in packaged[0].glob("bentos/*/*/*"))
        version = packaged[1].bento.path.name
        assert found == [f"{kind}/aisle/{name}" for kind in ("bentos", "models") for name in (version, "latest")]
        assert sorted(one.name for one in (packaged[0] / "bentos").iterdir()) == ["bentos", "models"]

    def test_test_rows_of_other_data_are_not_asked(self, registered: Path) -> None:
        (logged,) = registered.glob("mlartifacts/models/*/artifacts")
        assert len(questions(logged, registered, "0" * 32 + ".dir")) == registering.EXAMPLE_ROWS + 100
        assert len(questions(logged, registered, "1" * 32 + ".dir")) == registering.EXAMPLE_ROWS


class TestAgain:
    def test_the_same_champion_and_code_make_nothing_new(
        self, project: Path, packaged: tuple[Path, packaging.Packaged], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(packaging, "_apart", never)
        before = files_of(project / "bentos")
        done = packaging.package(project)
        assert (done.new, done.bento.tag, done.warnings) == (False, packaged[1].bento.tag, ())
        assert files_of(project / "bentos") == before

    def test_another_promotion_of_the_same_model_makes_nothing_new(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(packaging, "_apart", never)
        tag_version(promoted_at="2031-01-01T00:00:00Z", promoted_by="ben")
        done = packaging.package(project)
        assert not done.new
        (said,) = done.warnings
        assert f"of {done.bento.created:%Y-%m-%d %H:%M} UTC" in said
        assert "promoted_at 2031-01-01T00:00:00Z (there: 2" in said
        assert "promoted_by ben (there: ann)" in said
        assert "`aisle package --again`" in said

    def test_another_reason_is_not_passed_over_in_silence(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tag_version(gate="failed")
        packaging.package(project, override=True, reason="agreed with ann", again=True)
        monkeypatch.setattr(packaging, "_apart", never)
        assert packaging.package(project, override=True, reason="agreed with ann").warnings == ()
        done = packaging.package(project, override=True, reason="agreed with ben")
        (said,) = done.warnings
        assert "override_reason agreed with ben (there: agreed with ann)" in said
        assert "promoted" not in said
        assert "`aisle package --again --override --reason TEXT`" in said

    def test_a_version_of_which_no_gate_was_asked_is_packaged_with_a_warning(self, project: Path) -> None:
        connection.connect().delete_model_version_tag("aisle", "1", "gate")
        done = packaging.package(project, again=True)
        assert done.bento.labels["gate"] == "none"
        assert done.warnings == ("version 1 has no gate tag: no gate was asked before it became champion",)

    def test_again_builds_the_same_content_under_the_same_tag(self, project: Path) -> None:
        before = files_of(project / "bentos")
        done = packaging.package(project, again=True)
        assert done.new
        changed = {one for one, sha256 in files_of(project / "bentos").items() if before.get(one) != sha256}
        assert {Path(one).name for one in changed} == {"bento.yaml", "model.yaml"}  # the hour of building

    def test_other_code_makes_another_version(self) -> None:
        identity = contents.Identity("aisle", "3", "run", "policy", "data", "commit", None, None)
        one, other = (contents.bento_version(identity, "model", source) for source in ("source", "changed"))
        assert one != other
        assert one.startswith("3-")

    def test_what_a_kill_left_is_tidied(self, project: Path) -> None:
        left = project / "bentos" / ".packaging-abc"
        (left / "store").mkdir(parents=True)
        half = project / "bentos" / "bentos" / "aisle" / ".1-0123456789ab.x1y2z3.part"
        half.mkdir()
        packaging.package(project)
        assert not left.exists()
        assert not half.exists()


def never(*_: Any, **__: Any) -> None:
    pytest.fail("nothing was to be built")


def refused(kind: type[AisleError], said: str, folder: Path, **options: Any) -> None:
    """Nothing is packaged, one line says why, and the store is as before."""
    before = files_of(folder / "bentos")
    with pytest.raises(kind, match=said) as error:
        packaging.package(folder, **options)
    assert "\n" not in str(error.value)
    assert files_of(folder / "bentos") == before
    assert not list(folder.glob("bentos/.*"))


class TestRefusals:
    def test_nobody_is_champion(self, registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(registered, tmp_path, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)
        refused(RegistryError, "no version of aisle is the champion yet; `aisle promote latest", tmp_path)
        assert not (tmp_path / "bentos").exists()
        assert champion() is None

    def test_the_gate_failed(self, project: Path) -> None:
        tag_version(gate="failed", gate_reasons='["coverage 40 % against 60 %"]')
        refused(RegistryError, r"version 1, failed the gate \(coverage 40 % against 60 %\)", project)

    def test_the_gate_failed_and_is_overridden(self, project: Path) -> None:
        tag_version(gate="failed")
        done = packaging.package(project, override=True, reason="agreed with ann", again=True)
        assert (done.bento.labels["gate"], done.bento.labels["override_reason"]) == ("failed", "agreed with ann")

    @pytest.mark.parametrize(
        ("override", "reason", "said"),
        [
            (True, " ", "--override needs --reason"),
            (False, "because", "--reason goes with --override"),
            (True, "x" * 1001, "1001 characters"),
        ],
    )
    def test_half_an_override(self, project: Path, override: bool, reason: str, said: str) -> None:
        refused(ConfigurationError, said, project, override=override, reason=reason)

    def test_its_files_are_gone(self, project: Path, tmp_path: Path) -> None:
        client = connection.connect()
        lost = client.create_model_version("aisle", (tmp_path / "gone").as_uri())
        client.set_registered_model_alias("aisle", "champion", lost.version)
        refused(RegistryError, "the champion, version 2, has lost its files", project)

    def test_a_file_is_gone(self, project: Path, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        kept.mkdir()
        (kept / "MLmodel").touch()
        client = connection.connect()
        half = client.create_model_version("aisle", kept.as_uri())
        client.set_registered_model_alias("aisle", "champion", half.version)
        refused(ModelError, "version 2 of aisle has lost its model.skops", project)

    def test_the_policy_is_another(self, project: Path) -> None:
        tag_version(policy_id="0123456789ab")
        refused(ModelError, "names the policy 0123456789ab, but its files hold", project)

    def test_one_answer_differs_by_one_bit(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def off_by_one_bit(model: Path, asked: pd.DataFrame) -> pd.DataFrame:
            answers = answers_apart(model, asked)
            answers.loc[17, "confidence"] = np.nextafter(answers.loc[17, "confidence"], 2)
            return answers

        monkeypatch.setattr(packaging, "answers_apart", off_by_one_bit)
        refused(ModelError, "otherwise than the registry's model: example row 17, confidence", project, again=True)

    def test_the_code_cannot_load_the_model(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def damaged(target: Path) -> str:
            source_hash = copy_code(target)
            (target / "aisle" / "model" / "storage.py").write_text("raise ImportError('damaged')")
            return source_hash

        copy_code = contents.copy_code
        monkeypatch.setattr(contents, "copy_code", damaged)
        refused(ModelError, "the Bento could not be asked: .*damaged", project, again=True)

    def test_another_packaging_is_at_work(self, project: Path) -> None:
        with holding(project / "bentos"):
            refused(DataError, "another command is writing it now", project)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users reach, which the temporary folders of tests are not."""
    folder = Path(tempfile.mkdtemp(prefix="aisle-unpacked-"))
    folder.chmod(0o755)
    yield folder
    for one in folder.rglob("*"):
        if one.is_dir():
            one.chmod(0o755)
    shutil.rmtree(folder)


class TestUnpacked:
    """The one file that `aisle package --output` writes, where nothing else of the project is."""

    def test_serves_with_nothing_but_a_log_folder_to_write_to(
        self, packaged: tuple[Path, packaging.Packaged], place: Path
    ) -> None:
        bento, log, home = place / "bento", place / "log", place / "home"
        store.export(packaged[1].bento, place / "aisle.bento")
        for folder in (bento, log, home):
            folder.mkdir()
        subprocess.run(["tar", "xf", place / "aisle.bento", "-C", bento], check=True)
        python, user = python_of_another_user()
        os.chown(log, user, -1)
        for one in [home, bento, *bento.rglob("*")]:
            one.chmod(0o555 if one.is_dir() else 0o444)
        before = files_of(bento)
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(home), "AISLE_LOG_FOLDER": str(log)}
        environment |= {"PYTHONPATH": sysconfig.get_path("purelib"), "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen(
            [python, "-m", "service.run", "--port", "0"],
            cwd=bento / "src",
            env=environment,
            user=user,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            assert ready.startswith(f"{packaged[1].bento.tag} is ready at http://127.0.0.1:"), server.stderr
            said = ask(ready.split()[4], {"products": [{"product_id": "a", "title": "Garden hose"}]})
            assert said["model"]["bento_tag"] == packaged[1].bento.tag
        finally:
            server.terminate()
            _, complaints = server.communicate(timeout=30)
        assert (server.returncode, complaints) == (0, "")
        (written,) = log.iterdir()
        assert [json.loads(line)["product_id"] for line in written.read_text().splitlines()] == ["a"]
        assert files_of(bento) == before
        assert list(home.iterdir()) == []

    def test_a_damaged_model_is_one_line_and_no_second_try(
        self, packaged: tuple[Path, packaging.Packaged], tmp_path: Path
    ) -> None:
        store.export(packaged[1].bento, tmp_path / "bento")
        (weights,) = (tmp_path / "bento").glob("models/*/*/model.skops")
        weights.write_bytes(weights.read_bytes()[:5000])
        serve = [Path(sys.executable).with_name("bentoml"), "serve", tmp_path / "bento", "--port", "0"]
        run = [sys.executable, "-P", "-m", "service.run", tmp_path / "bento", "--port", "0"]
        for command in (run, serve):
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
                cwd=tmp_path,
                env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "bento" / "src")},
            )
            assert done.returncode == 2
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"aisle: {weights}: damaged")


def python_of_another_user() -> tuple[str, int]:
    """An interpreter and a user who may start it: somebody else where we are root, for whom no permission counts."""
    user = OTHER_USER if os.geteuid() == 0 else os.geteuid()
    for python in (sys.executable, "/usr/bin/python3.11", "/usr/local/bin/python3.11"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([python, "-c", "import numpy"], check=True, user=user, capture_output=True, cwd="/",
                           env={"PYTHONPATH": sysconfig.get_path("purelib")})  # fmt: skip
            return python, user
    return lacking("there is no Python 3.11 with these packages that another user may start")


def ask(url: str, question: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/v1/categorize", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
