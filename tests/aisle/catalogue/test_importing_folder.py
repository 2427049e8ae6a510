"""The catalogue folder: everything is in place or nothing is, whatever happens on the way."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from aisle.catalogue.importing import ImportMapping, ImportSummary, import_files, read_mapping
from aisle.catalogue.importing.known import KnownProducts, Product
from aisle.catalogue.importing.writing import shard_name
from aisle.catalogue.tables import latest_revisions, read_table
from aisle.errors import AisleError, DataError, one_line
from aisle.files import clean_leftovers, holding, replacing_folder

MAPPING = "product: {product_id: id, title: t, price: {column: price, optional: true}}\ncategory: {id: c, name: n}\n"
OLD = [("1", "Drill", "a"), ("2", "Bear", "b")]
NEW = [("3", "Saw", "a"), ("4", "Doll", "b"), ("5", "Axe", "a")]
DAY = dt.date(2024, 5, 1)
Rows = list[tuple[str, str, str]]
Run = Callable[..., ImportSummary]


@pytest.fixture
def mapping(tmp_path: Path) -> ImportMapping:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return read_mapping(tmp_path / "mapping.yaml")


@pytest.fixture
def run(tmp_path: Path, mapping: ImportMapping) -> Run:
    def run(rows: Rows, into: str = "data", **options: Any) -> ImportSummary:
        return import_files(mapping, [offers(tmp_path, rows)], tmp_path / into, **{"day": DAY, **options})

    return run


def offers(folder: Path, rows: Rows) -> Path:
    path = folder / "offers.jsonl"
    path.write_text("".join(json.dumps({"id": i, "t": t, "c": c, "n": c.upper()}) + "\n" for i, t, c in rows))
    return path


def titles(tmp_path: Path, into: str = "data") -> list[str]:
    return sorted(latest_revisions(read_table(tmp_path / into, "products"))["title"])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def leftovers(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob(".*"))


# New, append, replace


def test_a_folder_with_a_catalogue_needs_a_flag(tmp_path: Path, run: Run) -> None:
    run(OLD)
    before = content(tmp_path / "data")
    with pytest.raises(DataError, match="holds a catalogue already; add --append to add to it, or --replace"):
        run(NEW)
    assert content(tmp_path / "data") == before
    run(NEW, mode="replace")
    assert titles(tmp_path) == ["Axe", "Doll", "Saw"]


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path, run: Run) -> None:
    (tmp_path / "data").mkdir()
    assert run(OLD).new == 2


@pytest.mark.parametrize("mode", ["new", "replace"])
def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path, run: Run, mode: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("ten years of work")
    with pytest.raises(DataError, match=r"holds 'thesis\.tex', which is no part of a catalogue and would be lost"):
        run(OLD, mode=mode)
    assert content(tmp_path / "data") == {"thesis.tex": b"ten years of work"}


def test_into_a_file_or_append_to_nothing(tmp_path: Path, run: Run) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataError, match="this is a file; --into names a folder"):
        run(OLD)
    with pytest.raises(DataError, match="holds no catalogue to append to; get it with `dvc pull`"):
        run(OLD, into="nowhere", mode="append")


def test_append_adds_a_shard_and_leaves_the_others_untouched(tmp_path: Path, run: Run) -> None:
    run(OLD)
    (tmp_path / "data" / "predictions").mkdir()
    (tmp_path / "data" / "predictions" / "2024-05-01.parquet").write_bytes(b"kept as it is")
    before = content(tmp_path / "data")
    summary = run(NEW, mode="append", day=dt.date(2024, 5, 2))
    after = content(tmp_path / "data")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {f"{table}/2024-05-02-import.parquet" for table in ("products", "labels")}
    assert (summary.new, summary.labels, summary.shard) == (3, 3, "2024-05-02-import")
    assert titles(tmp_path) == ["Axe", "Bear", "Doll", "Drill", "Saw"]


def test_sending_a_file_again_changes_nothing(tmp_path: Path, run: Run) -> None:
    run(OLD)
    before = content(tmp_path / "data")
    summary = run(OLD, mode="append")
    assert (summary.shard, summary.unchanged, summary.labels) == (None, 2, 0)
    assert content(tmp_path / "data") == before


def test_a_changed_text_is_a_new_revision_with_its_label(tmp_path: Path, run: Run) -> None:
    run(OLD)
    for title, revision in [("Drill 18 V", 2), ("Drill 20 V", 3)]:
        summary = run([("1", title, "a"), OLD[1]], mode="append")
        assert (summary.new, summary.revised, summary.unchanged, summary.labels) == (0, 1, 1, 1)
        latest = latest_revisions(read_table(tmp_path / "data", "products")).set_index("product_id")
        assert (latest.loc["1", "title"], latest.loc["1", "revision"]) == (title, revision)
        assert read_table(tmp_path / "data", "labels")["revision"].tolist()[-1] == revision
    assert run([("1", "Drill 20 V", "a")], mode="append").shard is None, "the latest revision is what counts"


def test_a_changed_label_is_one_more_label(tmp_path: Path, run: Run) -> None:
    run(OLD)
    summary = run([("1", "Drill", "b"), OLD[1]], mode="append")
    assert (summary.unchanged, summary.labels) == (2, 1)
    labels = read_table(tmp_path / "data", "labels")
    assert labels.loc[labels["product_id"] == "1", "category_id"].tolist() == ["a", "b"]
    assert len(read_table(tmp_path / "data", "products")) == 2


def test_labels_of_another_origin_do_not_hide_an_import(tmp_path: Path, run: Run, mapping: ImportMapping) -> None:
    run(OLD)
    (tmp_path / "review.yaml").write_text(MAPPING + "labels: {origin: review}\n")
    review = read_mapping(tmp_path / "review.yaml")
    path = offers(tmp_path, OLD)
    assert import_files(review, [path], tmp_path / "data", mode="append", day=DAY).labels == 2
    assert import_files(review, [path], tmp_path / "data", mode="append", day=DAY).labels == 0
    assert import_files(mapping, [path], tmp_path / "data", mode="append", day=DAY).labels == 0


def test_products_without_categories_can_be_appended(tmp_path: Path, run: Run) -> None:
    run(OLD)
    (tmp_path / "plain.yaml").write_text("product: {product_id: id, title: t}\n")
    summary = import_files(
        read_mapping(tmp_path / "plain.yaml"), [offers(tmp_path, NEW)], tmp_path / "data", mode="append", day=DAY
    )
    assert (summary.new, summary.labels) == (3, 0)
    assert len(read_table(tmp_path / "data", "labels")) == 2


# Names of shards


def test_shards_of_a_day_arrive_in_the_order_of_their_names(tmp_path: Path, run: Run) -> None:
    run([("0", "Thing 0", "a")])
    for number in range(1, 12):
        run([(str(number), f"Thing {number}", "a")], mode="append")
    assert read_table(tmp_path / "data", "products")["product_id"].tolist() == [str(number) for number in range(12)]
    stems = read_table(tmp_path / "data", "products")["shard"].tolist()
    assert stems[:3] == ["2024-05-01-import", "2024-05-01-import_02", "2024-05-01-import_03"]
    assert stems == sorted(stems)


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ("2024-04-30-import", "2024-05-01-import"),
        ("2024-05-01-desk", "2024-05-01-import"),
        ("2024-05-01", "2024-05-01_import"),
        ("2024-05-01-sample", "2024-05-01_import"),
        ("2024-05-01-import_99", "2024-05-01_import"),
    ],
)
def test_a_new_shard_sorts_after_those_of_others(tmp_path: Path, there: str, name: str) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / f"{there}.parquet").touch()
    assert shard_name(tmp_path, DAY) == name
    assert name > there
    assert f"{name}.parquet" > f"{there}.parquet"


def test_a_day_before_the_last_shard_is_refused(tmp_path: Path, run: Run) -> None:
    run(OLD)
    with pytest.raises(DataError, match=r"its last shard is 2024-05-01-import\.parquet, .* --day YYYY-MM-DD"):
        run(NEW, mode="append", day=dt.date(2024, 4, 30))
    assert titles(tmp_path) == ["Bear", "Drill"]


# Never through a link


@pytest.mark.parametrize("kind", ["hard", "symbolic"])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_cache_that_the_folder_is_linked_to_keeps_its_bytes(tmp_path: Path, run: Run, kind: str, mode: str) -> None:
    run(OLD)
    cache = tmp_path / "cache"
    cache.mkdir()
    for path in [one for one in (tmp_path / "data").rglob("*") if one.is_file()]:
        cached = cache / path.name.replace("2024", path.parent.name)
        path.rename(cached)
        cached.chmod(0o444)
        if kind == "hard":
            path.hardlink_to(cached)
        else:
            path.symlink_to(cached)
    before = content(cache)
    run([*OLD, ("9", "Ball", "c")], mode=mode)
    assert content(cache) == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()} == {0o444}
    assert titles(tmp_path) == ["Ball", "Bear", "Drill"]
    assert not (tmp_path / "data" / "taxonomy.csv").is_symlink(), "the tree grew"


def test_a_folder_that_is_a_link_stays_one(tmp_path: Path, run: Run) -> None:
    (tmp_path / "disk" / "data").mkdir(parents=True)
    (tmp_path / "data").symlink_to(tmp_path / "disk" / "data")
    run(OLD)
    run(NEW, mode="append")
    assert (tmp_path / "data").is_symlink()
    assert len(titles(tmp_path, "disk/data")) == 5


@pytest.mark.parametrize("linked", ["folder", "nothing"])
def test_append_keeps_shards_that_cannot_be_linked(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, linked: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    run(OLD)
    if linked == "folder":
        (tmp_path / "data" / "products").rename(tmp_path / "elsewhere")
        (tmp_path / "data" / "products").symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(os, "link", refuse)
    run(NEW, mode="append")
    assert titles(tmp_path) == ["Axe", "Bear", "Doll", "Drill", "Saw"]


# Killed, full, at the same time

KILLED = """
import os, signal, sys
from pathlib import Path
import aisle.files
from aisle.catalogue.importing import import_files, intake, read_mapping, readers

readers.BATCH_ROWS = 20

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

moment, mode = sys.argv[1:]
if moment == "while reading":
    taken = []
    take = intake.Intake._take
    def count(self, *rows):
        take(self, *rows)
        taken.append(1) or len(taken) == 2 and kill()
    intake.Intake._take = count
if moment == "before the exchange":
    aisle.files._exchange = kill
if moment == "after the exchange":
    exchange = aisle.files._exchange
    aisle.files._exchange = lambda *names: exchange(*names) and kill()
if moment in ("between two renames", "after two renames"):
    aisle.files._exchange = lambda *names: False
    replace, renamed, armed = Path.replace, [], []
    def counting(self, target):
        result = replace(self, target)
        armed and (renamed.append(1) or len(renamed) == (1 if "between" in moment else 2)) and kill()
        return result
    aisle.files.Path.replace = counting
    import aisle.catalogue.importing.writing as writing
    write = writing.write_taxonomy
    def written(*arguments):  # it renames too: count from here on
        write(*arguments)
        armed.append(1)
    writing.write_taxonomy = written
import_files(read_mapping("mapping.yaml"), [Path("offers.jsonl")], Path("data"), mode=mode)
"""


@pytest.mark.parametrize(
    ("mode", "moment", "stands"),
    [
        ("append", "while reading", "old"),
        ("append", "before the exchange", "old"),
        ("append", "after the exchange", "new"),
        ("replace", "before the exchange", "old"),
        ("replace", "after the exchange", "new"),
        # where the system cannot exchange names; the next command mends it
        ("append", "between two renames", "none"),
        ("append", "after two renames", "new"),
    ],
)
def test_after_a_kill_the_old_catalogue_stands_or_the_new(
    tmp_path: Path, run: Run, root: Path, mode: str, moment: str, stands: str
) -> None:
    many = [(str(number), f"Thing {number}", "ac"[number % 2]) for number in range(3, 60)]
    run(OLD)
    before = content(tmp_path / "data")
    run([*OLD, *many], into="expected")
    expected = titles(tmp_path, "expected") if mode == "append" else sorted(title for _, title, _ in many)
    offers(tmp_path, many)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, moment, mode],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if stands == "old":
        assert content(tmp_path / "data") == before
    elif stands == "new":
        assert titles(tmp_path) == expected
    else:
        assert not (tmp_path / "data").exists()

    summary = run(many, mode=mode, day=dt.datetime.now(dt.UTC).date())
    assert titles(tmp_path) == expected
    if mode == "append":
        assert summary.new == (0 if stands == "new" else len(many))
        assert read_table(tmp_path / "data", "labels")["product_id"].is_unique
    assert leftovers(tmp_path) == []


@contextlib.contextmanager
def tiny_disk(folder: Path) -> Iterator[Path]:
    """A file system of one MiB; `skip` where this user may not make one."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "aisle-test", folder], capture_output=True).returncode:
        pytest.skip("a file system of its own can be mounted by root only; the simulated full disk is tested besides")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def incompressible(rows: int) -> Rows:
    return [(str(number), os.urandom(120).hex(), "a") for number in range(rows)]


@pytest.mark.parametrize("rows", [14_000, 60_000])
def test_a_full_disk(tmp_path: Path, mapping: ImportMapping, rows: int) -> None:
    path = offers(tmp_path, incompressible(rows))
    with tiny_disk(tmp_path / "disk") as disk:
        with pytest.raises((AisleError, OSError)) as caught:
            import_files(mapping, [path], disk / "data")
        assert "the disk is full; free some space and run the same command again" in one_line(caught.value)
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("where", ["products", "known", "labels"])
def test_a_disk_that_fills_up_leaves_the_old_catalogue(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from aisle.catalogue.importing import intake

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run(OLD)
    before = content(tmp_path / "data")
    if where == "products":
        monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    elif where == "labels":
        monkeypatch.setattr(intake.Intake, "_write_labels", full)
    else:
        monkeypatch.setattr(intake.KnownProducts, "put", full)
    with pytest.raises(OSError, match="No space left") as caught:
        run(NEW, mode="append")
    assert "the disk is full" in one_line(caught.value)
    assert content(tmp_path / "data") == before
    assert leftovers(tmp_path) == []


def test_a_table_of_ids_that_fills_the_disk_says_so(tmp_path: Path) -> None:
    known = KnownProducts(tmp_path / "known.sqlite")
    known._database.execute("PRAGMA max_page_count = 4")  # SQLite says "full" then, as on a full disk
    with pytest.raises(OSError, match="disk full") as caught:
        known.put(Product(str(number), 1, b"0" * 16, None, None, 0, number) for number in range(1000))
    known.close()
    assert one_line(caught.value).startswith("the disk is full")


def test_two_imports_at_once_do_not_mix(tmp_path: Path, run: Run) -> None:
    run(OLD)
    with holding(tmp_path / "data"), pytest.raises(DataError, match="another command is writing it now"):
        run(NEW, mode="append")
    assert run(NEW, mode="append").new == 3


def test_what_a_living_import_works_in_is_not_tidied_away(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "data") as working:
        (working / "half").touch()
        tidier = threading.Thread(target=clean_leftovers, args=[tmp_path / "data"])
        tidier.start()
        tidier.join()
        assert (working / "half").exists()
    assert (tmp_path / "data" / "half").exists()


def test_leftovers_of_dead_imports_are_tidied_away(tmp_path: Path, run: Run) -> None:
    (tmp_path / ".data.dead.part" / "products").mkdir(parents=True)
    (tmp_path / ".database.other.part").mkdir()
    run(OLD)
    assert leftovers(tmp_path) == [".database.other.part"]


def test_a_catalogue_with_a_broken_shard_is_not_appended_to(tmp_path: Path, run: Run) -> None:
    run(OLD)
    (tmp_path / "data" / "products" / "2024-05-01-import.parquet").write_bytes(b"noise")
    with pytest.raises(DataError, match=r"2024-05-01-import\.parquet: cannot be read as Parquet; get it again"):
        run(NEW, mode="append")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, mapping: ImportMapping, root: Path) -> None:
    measure = (
        "import re, sys; from pathlib import Path\n"
        "from aisle.catalogue.importing import import_files, read_mapping\n"
        "import_files(read_mapping('mapping.yaml'), [Path('offers.jsonl')], Path(sys.argv[1]))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )

    def peak(rows: int) -> int:
        text = "wooden chair with four legs and a back, oiled, for the kitchen and the garden; " * 6
        offers(tmp_path, [(f"shop:{number}", f"{number} {text}", "ab"[number % 2]) for number in range(rows)])
        done = subprocess.run(
            [sys.executable, "-c", measure, f"data{rows}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    small, large = peak(20_000), peak(100_000)
    assert large < 500, "MiB"
    assert large - small < 40, "five times the rows (50 MiB of text) cost a table of ids, not the rows"
