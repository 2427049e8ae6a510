"""The tables of a catalogue folder: columns, types, reading and writing of shards.

A catalogue folder holds `taxonomy.csv` and three folders of Parquet shards, `products/`,
`labels/` and `predictions/`. Shards are append-only; the order of their file names is the
order of arrival (their names start with the day, `YYYY-MM-DD`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aisle.errors import DataError
from aisle.files import replacing

_UTC = pa.timestamp("us", tz="UTC")

PRODUCTS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("revision", pa.int32()),
        pa.field("title", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("seller_category", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("seller", pa.string()),
        pa.field("received_at", _UTC),
        pa.field("group_id", pa.string()),
        pa.field("split", pa.string()),
    ]
)
LABELS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("revision", pa.int32()),
        pa.field("category_id", pa.string()),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("status", pa.string()),
        pa.field("adjudicated", pa.bool_()),
        pa.field("labelled_at", _UTC),
        pa.field("labeller", pa.string()),
        pa.field("suggested_category_id", pa.string()),
        pa.field("audit_probability", pa.float64()),
        pa.field("inclusion_probability", pa.float64()),
        pa.field("model_version", pa.string()),
    ]
)
PREDICTIONS = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("revision", pa.int32()),
        pa.field("predicted_at", _UTC),
        pa.field("category_id", pa.string()),
        pa.field("branch_id", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("decision", pa.string()),
        pa.field("audit_probability", pa.float64()),
        pa.field("audit_drawn", pa.bool_()),
        pa.field("blind", pa.bool_()),
        pa.field("model_version", pa.string()),
        pa.field("policy_id", pa.string()),
        pa.field("bento_tag", pa.string()),
    ]
)

SCHEMAS = {"products": PRODUCTS, "labels": LABELS, "predictions": PREDICTIONS}
REQUIRED = {
    "products": ("product_id", "title"),
    "labels": ("product_id", "category_id", "origin"),
    "predictions": ("product_id", "category_id", "confidence", "decision"),
}
_KEY = "product_id"  # every table has it
_DEFAULTS = {"revision": 1, "status": "answered", "adjudicated": False}


def shards_of(folder: Path | str, table: str) -> list[Path]:
    """The shards of one table of a catalogue folder, in order of arrival; none is an empty list."""
    return sorted((Path(folder) / table).glob("*.parquet"))


def require_catalogue(folder: Path | str) -> Path:
    """`folder` as a path, or `DataError` where no catalogue lies there."""
    folder = Path(folder)
    if not (folder / "taxonomy.csv").exists() or not shards_of(folder, "products"):
        raise DataError(
            f"{folder}: holds no catalogue (taxonomy.csv and products/*.parquet); "
            "get the sample with `dvc pull`, or bring your own with `aisle import`"
        )
    return folder


def read_table(
    folder: Path | str,
    table: str,
    *,
    columns: Collection[str] | None = None,
    shards: Collection[str] | None = None,
    products: Collection[str] | None = None,
) -> pd.DataFrame:
    """Read the shards of `table` ('products', 'labels' or 'predictions').

    Parameters
    ----------
    columns : collection of str, optional
        Some columns of the table's schema; all by default. Others are not read from the disk.
    shards : collection of str, optional
        Names of shards, without their ending; all by default.
    products : collection of str, optional
        Keep only the rows of these products. Shard by shard, so that memory does not grow with the rest.

    Returns a frame with the columns in the schema's order, rows in order of arrival, plus `shard`,
    the shard's name without its ending. Columns that a shard lacks are null (`revision` 1,
    `status` 'answered', `adjudicated` False). Without shards the frame has no rows.

    Raises
    ------
    DataError
        For a shard that is not Parquet, lacks a required column, or holds another type.
    """
    whole = SCHEMAS[table]
    schema = whole if columns is None else pa.schema([whole.field(name) for name in whole.names if name in columns])
    wanted = None if products is None else pa.array(sorted(products), pa.string())
    paths = [path for path in shards_of(folder, table) if shards is None or path.stem in shards]
    frames = [_read_shard(path, table, schema, wanted) for path in paths]
    if not frames:
        empty: pd.DataFrame = schema.empty_table().to_pandas()
        return empty.assign(shard=pd.Series(dtype=object))
    rows: pd.DataFrame = pa.concat_tables(frames).to_pandas(strings_to_categorical=False)
    return rows


def _read_shard(path: Path, table: str, schema: pa.Schema, products: pa.Array | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            missing = [column for column in REQUIRED[table] if column not in there]
            shard = None if missing else file.read(columns=[name for name in there if name in {*schema.names, _KEY}])
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet; get it again with `dvc pull`") from error
    if shard is None:
        raise DataError(f"{path}: missing column {', '.join(missing)}; a {table} shard must hold it")
    if products is not None:
        keys = conform(shard.select([_KEY]), pa.schema([SCHEMAS[table].field(_KEY)]), str(path))
        shard = shard.filter(pc.is_in(keys.column(_KEY), value_set=products))
    return conform(shard, schema, str(path)).append_column("shard", pa.array([path.stem] * len(shard), pa.string()))


def conform(shard: pa.Table, schema: pa.Schema, source: str) -> pa.Table:
    """`shard` with exactly the columns and types of `schema`; `DataError` where a type cannot be cast."""
    columns = []
    for field in schema:
        if field.name not in shard.column_names:
            column = pa.array([_DEFAULTS.get(field.name)] * len(shard), field.type)
        else:
            try:
                column = shard.column(field.name).cast(field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                found = shard.schema.field(field.name).type
                raise DataError(f"{source}: column {field.name} holds {found}, {field.type} is needed") from error
            if field.name in _DEFAULTS:
                column = column.fill_null(_DEFAULTS[field.name])
        columns.append(column)
    return pa.table(columns, schema=pa.schema([field.with_nullable(True) for field in schema]))


def write_shard(rows: pd.DataFrame | pa.Table, table: str, path: Path | str) -> None:
    """Write one shard atomically in the table's schema; equal rows give equal bytes.

    Columns that `rows` lacks are written as null; columns that the schema lacks are left out.
    """
    content = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)
    conformed = conform(content, SCHEMAS[table], str(path)).replace_schema_metadata(None)
    with replacing(path) as temporary:
        pq.write_table(conformed, temporary, compression="zstd", write_statistics=False)


def latest_revisions(products: pd.DataFrame) -> pd.DataFrame:
    """One row a product: its highest revision (the latest to arrive among equals), in order of arrival."""
    ordered = products.assign(_order=range(len(products))).sort_values(["revision", "_order"], kind="stable")
    latest = ordered.drop_duplicates("product_id", keep="last").sort_values("_order")
    return latest.drop(columns="_order").reset_index(drop=True)


def write_frame(frame: pd.DataFrame, path: Path | str) -> None:
    """Write an intermediate frame as Parquet, atomically, with the same bytes for the same rows."""
    with replacing(path) as temporary:
        pq.write_table(
            pa.Table.from_pandas(frame, preserve_index=False), temporary, compression="zstd", write_statistics=False
        )


def read_frame(path: Path | str, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Read an intermediate frame; `DataError` where an earlier stage has not written it."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: not there yet; run `dvc repro`")
    try:
        frame: pd.DataFrame = pq.ParquetFile(path).read(columns=None if columns is None else list(columns)).to_pandas()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: cannot be read as Parquet; run `dvc repro -f` to write it again") from error
    return frame
