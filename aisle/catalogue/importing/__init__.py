"""Bring a catalogue in: a mapping of columns over CSV, JSON lines or Parquet files.

mapping    the YAML file: which column becomes which field
readers    files, as batches of columns whose rows have a place to name
fields     a batch, as the mapping's fields
paths      categories as the files say them, as a tree with stable ids
known      which products have come already, on disk
writing    all of it, put in place in one step
"""

from aisle.catalogue.importing.mapping import ImportMapping, read_mapping
from aisle.catalogue.importing.writing import ImportSummary, import_files

__all__ = ["ImportMapping", "ImportSummary", "import_files", "read_mapping"]
