"""Where Bentos lie and which there are, read from their files: BentoML itself need not be imported."""

from __future__ import annotations

import datetime
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from aisle.errors import DataError
from aisle.files import replacing, replacing_folder

NAME = "aisle"  # of Bentos and of the models in them
ABOUT = "bento.yaml"
FILE_SUFFIX = ".bento"


def home() -> Path:
    """The store: `BENTOML_HOME`, else `bentos` in the current folder; absolute."""
    return Path(os.environ.get("BENTOML_HOME", "").strip() or "bentos").absolute()


@dataclass(frozen=True)
class Bento:
    """A built Bento in the store or unpacked: its folder, its labels, when it was built."""

    tag: str
    path: Path
    labels: Mapping[str, str]
    created: datetime.datetime
    model_tag: str

    @property
    def models(self) -> Path:
        """The folder of its models: its own when it was exported, else that of the store."""
        own = self.path / "models"
        return own if own.is_dir() else self.path.parents[2] / "models"

    @property
    def model(self) -> Path:
        """The folder of its model."""
        return self.models / Path(*self.model_tag.split(":"))

    @property
    def size(self) -> int:
        """Bytes of the Bento with its model."""
        folders = (self.path,) if self.model.is_relative_to(self.path) else (self.path, self.model)
        return sum(one.stat().st_size for folder in folders for one in folder.rglob("*") if one.is_file())


def read_bento(path: Path) -> Bento:
    """What the Bento in folder `path` says of itself.

    Raises
    ------
    DataError
        When there is no Bento, or it is not one of ours, or its model is missing.
    """
    try:
        about = yaml.safe_load((path / ABOUT).read_text(encoding="utf-8"))
        labels = {str(key): str(value) for key, value in about["labels"].items()}
        created = datetime.datetime.fromisoformat(str(about["creation_time"])).astimezone(datetime.UTC)
        model_tag = str(about["models"][0]["tag"])
        bento = Bento(f"{about['name']}:{about['version']}", path, labels, created, model_tag)
    except FileNotFoundError:
        raise DataError(f"{path}: no Bento (there is no {ABOUT} in it)") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path / ABOUT}: not written by `aisle package` ({type(error).__name__})") from error
    if not bento.model.is_dir():
        raise DataError(f"{path}: the model {model_tag} of this Bento is gone; `aisle package --again` makes it anew")
    return bento


def bentos(store: Path) -> list[Bento]:
    """Our Bentos in `store`, the newest first; what is no Bento of ours is left out."""
    return sorted(_readable(store / "bentos" / NAME), key=lambda bento: bento.created, reverse=True)


def _readable(folder: Path) -> Iterator[Bento]:
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            if path.is_dir() and not path.name.startswith("."):
                yield read_bento(path)
        except DataError:
            continue


def version_folder(store: Path, kind: str, version: str) -> Path:
    """Where `kind` ("bentos" or "models") of `version` lies in `store`."""
    return store / kind / NAME / version


def take_in(built: Path, store: Path, version: str) -> Bento:
    """Move a Bento and its model from the store `built` into `store`; the model first, so that no Bento lacks one."""
    for kind in ("models", "bentos"):
        with replacing_folder(version_folder(store, kind, version)) as temporary:
            shutil.copytree(version_folder(built, kind, version), temporary, dirs_exist_ok=True)
        with replacing(store / kind / NAME / "latest") as temporary:
            temporary.write_text(version, encoding="utf-8")
    return read_bento(version_folder(store, "bentos", version))


def export(bento: Bento, target: Path) -> None:
    """Write `bento` with its model to `target`: one file where it ends in .bento, else a folder.

    The file is a tar archive, compressed by xz, that BentoML imports and `tar xf` unpacks; the same Bento
    gives the same bytes.

    Raises
    ------
    DataError
        When `target` is there and is something else than a Bento.
    """
    if target.suffix == FILE_SUFFIX:
        if target.is_dir():
            raise DataError(f"{target}: this is a folder; name a file, as in {target / (NAME + FILE_SUFFIX)}")
        with replacing(target) as temporary:
            _write_archive(bento, temporary)
        return
    if target.exists() and not (target / ABOUT).is_file():
        what = "a folder with other things in it" if target.is_dir() else "a file"
        raise DataError(f"{target}: {what}; name a new folder, or a file that ends in {FILE_SUFFIX}")
    with replacing_folder(target) as temporary:
        for inside, content in _files(bento):
            (temporary / inside).parent.mkdir(parents=True, exist_ok=True)
            (temporary / inside).write_bytes(content())


def _files(bento: Bento) -> list[tuple[str, Callable[[], bytes]]]:
    """Every file as it lies in an exported Bento, by name, with what reads it."""
    name, version = bento.model_tag.split(":")
    inside = {one.relative_to(bento.path).as_posix(): one for one in bento.path.rglob("*") if one.is_file()}
    for one in bento.model.rglob("*"):
        if one.is_file():
            inside[f"models/{name}/{version}/{one.relative_to(bento.model).as_posix()}"] = one
    contents: dict[str, Callable[[], bytes]] = {where: path.read_bytes for where, path in inside.items()}
    contents[f"models/{name}/latest"] = version.encode  # the store's own may name a newer one
    return sorted(contents.items())


def _write_archive(bento: Bento, path: Path) -> None:
    with tarfile.open(path, "w:xz", preset=1) as archive:
        for inside, content in _files(bento):
            written = content()
            entry = tarfile.TarInfo(inside)
            entry.size, entry.mtime, entry.mode = len(written), int(bento.created.timestamp()), 0o644
            archive.addfile(entry, io.BytesIO(written))
