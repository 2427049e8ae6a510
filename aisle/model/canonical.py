"""Model files whose bytes depend on the model alone.

skops writes the addresses that objects had in memory and the time of writing; so two equal models
would be two different files, and everything made from them would be made again.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path, PurePath
from typing import Any

_SCHEMA = "schema.json"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say
_LEVEL = 6


def rewrite(source: Path, target: Path) -> None:
    """Write the skops file `source` to `target`, compressed, objects and parts numbered as they come."""
    ids: dict[int, int] = {}
    names: dict[str, str] = {}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        schema = json.loads(old.read(_SCHEMA))
        _number(schema, ids, names)
        for name, numbered in names.items():
            _add(new, numbered, old.read(name))
        _add(new, _SCHEMA, json.dumps(schema).encode())


def _number(node: Any, ids: dict[int, int], names: dict[str, str]) -> None:
    if isinstance(node, list):
        for one in node:
            _number(one, ids, names)
    elif isinstance(node, dict):
        if "__loader__" in node:  # a node of skops, and no table of ours that happens to have such a key
            if isinstance(node.get("__id__"), int):
                node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
            if isinstance(node.get("file"), str):
                name = node["file"]
                node["file"] = names.setdefault(name, f"{len(names) + 1}{PurePath(name).suffix}")
        for one in node.values():
            _number(one, ids, names)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    information = zipfile.ZipInfo(name, _NO_TIME)
    information.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(information, content, compresslevel=_LEVEL)
