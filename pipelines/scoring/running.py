"""One file scored from beginning to end, or from where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.errors import ConfigurationError, DataError
from aisle.files import sha256_of
from pipelines.scoring.parts import OUTPUT, Parts, open_parts
from pipelines.scoring.products import Piece, look_through, read_pieces
from pipelines.scoring.scorers import ANSWERS, Scorer
from pipelines.scoring.writing import format_of, write_output

if TYPE_CHECKING:
    import pyarrow as pa

    from aisle.catalogue.importing.mapping import ImportMapping

BATCH_ROWS = 2_000
MAX_BATCH_ROWS = 10_000
_SHOWN = 3  # errors
_NAMES = 10  # columns
Progress = Callable[[str, int, int], None]
_VERSION = 1  # of the parts: goes up when the same input and model would give other ones


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    rows, bad, automatic : int
        Rows of the input; those with an error; those decided automatically.
    first_errors : list of str
        The first of them, with their row, counted from 1 without header.
    earlier : int
        Rows that an earlier run had scored.
    """

    rows: int = 0
    bad: int = 0
    automatic: int = 0
    first_errors: list[str] = field(default_factory=list)
    earlier: int = 0


def score_file(
    source: Path,
    output: Path,
    scorer: Scorer,
    *,
    mapping: ImportMapping | None = None,
    batch: int = BATCH_ROWS,
    progress: Progress = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Score every row of `source` into `output`, which is there as a whole or not at all.

    Parameters
    ----------
    source, output : Path
        CSV, JSON lines or Parquet, by their endings.
    mapping : ImportMapping, optional
        Which column is which field; by default columns have the names of the fields.
    batch : int from 1 to 10,000
        Rows that are scored, and kept, at a time.
    progress : callable
        Is told a stage, how much more of it is done, and how much there is: `read` in bytes, `score`
        and `write` in rows.
    say : callable
        Is told, in a line, what the person should know before the end.

    Raises
    ------
    AisleError
        In one line. What was scored until then is kept, and the same call goes on from there.
    """
    check_paths(source, output)
    if not 1 <= batch <= MAX_BATCH_ROWS:
        raise ConfigurationError(f"--batch must lie from 1 to {MAX_BATCH_ROWS:,}, not {batch:,}")
    before = source.stat()
    content = look_through(source, mapping, lambda more: progress("read", more, before.st_size))
    if content.unknown:
        say(f"{source}: columns that mean nothing here are passed over: {_listed(content.unknown)}")
    fingerprint = {
        "the way of keeping parts": _VERSION,
        "the input": sha256_of(source),
        "the model": scorer.fingerprint,
        "--batch": batch,
        "the mapping": None if mapping is None else sha256_of(mapping.source),
    }
    with open_parts(output, fingerprint) as parts:
        if parts.changed:
            changed = " and ".join(parts.changed)
            say(f"{changed} changed since an earlier run kept its answers in {parts.folder}: beginning anew")
        summary = Summary(rows=content.rows)
        pieces = read_pieces(source, mapping, batch)
        count = _keep_all(pieces, scorer, parts, summary, lambda more: progress("score", more, content.rows), say)
        after = source.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise DataError(f"{source}: changed while it was being read; run the same command again")
        write_output(output, _counted(parts, count, summary, lambda more: progress("write", more, content.rows)))
        parts.remove()
    return summary


def check_paths(source: Path, output: Path) -> None:
    """`AisleError` unless there is something to read, and a way to write."""
    if source.is_dir():
        raise DataError(f"{source}: this is a folder; name a file")
    if not source.exists():
        raise DataError(f"{source}: no such file; check the path")
    format_of(output)
    if output.is_dir():
        raise DataError(f"{output}: this is a folder; name a file to write")
    if output.exists() and output.samefile(source):
        raise DataError(f"{output}: is the input itself; give the output another name")


def _keep_all(
    pieces: Iterator[Piece],
    scorer: Scorer,
    parts: Parts,
    summary: Summary,
    on_rows: Callable[[int], None],
    say: Callable[[str], None],
) -> int:
    """Make every part that is not there yet; gives how many parts there are."""
    count, said = 0, False
    for piece in pieces:
        if parts.has(count, len(piece)):
            summary.earlier += len(piece)
        else:
            if summary.earlier and not said:
                say(f"going on after {summary.earlier:,} rows that an earlier run scored")
                said = True
            parts.write(count, answered(piece, scorer))
        on_rows(len(piece))
        count += 1
    return count


def answered(piece: Piece, scorer: Scorer) -> dict[str, list[Any]]:
    """The columns of OUTPUT for a piece; every answer of a bad row is null, and its error says why."""
    good = piece.good()
    columns: dict[str, list[Any]] = {name: [None] * len(piece) for name in OUTPUT.names}
    columns |= {"product_id": piece.product_id, "revision": piece.revision, "error": list(piece.error)}
    if not good:
        return columns
    products = {name: [values[place] for place in good] for name, values in piece.products.items()}
    ids = [piece.product_id[place] for place in good]
    answers = scorer.score(ids, [piece.revision[place] or 1 for place in good], products)
    named = {
        "model_version": scorer.identity.version,
        "policy_id": scorer.identity.policy_id,
        "bento_tag": scorer.identity.bento_tag,
    }
    for index, place in enumerate(good):
        if index in answers.errors:
            columns["error"][place] = answers.errors[index]
            continue
        for name in ANSWERS:
            columns[name][place] = answers.columns[name][index]
        for name, value in named.items():
            columns[name][place] = value
    return columns


def _counted(parts: Parts, count: int, summary: Summary, on_rows: Callable[[int], None]) -> Iterator[pa.Table]:
    """The parts, one by one, counted on the way."""
    row = 0
    for table in parts.read(count):
        for error in table["error"].to_pylist():
            row += 1
            if error is not None:
                summary.bad += 1
                if len(summary.first_errors) < _SHOWN:
                    summary.first_errors.append(f"row {row:,}: {error}")
        summary.automatic += table["decision"].to_pylist().count("auto")
        yield table
        on_rows(len(table))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
