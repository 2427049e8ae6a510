"""Models on disk: written by skops, read back only where every type in them is one of ours. No pickle."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from aisle.errors import ModelError
from aisle.files import replacing
from aisle.model.canonical import rewrite
from aisle.model.categorizer import Categorizer

TRUSTED_TYPES = [
    "aisle.model.categorizer.Categorizer",
    "aisle.model.classifiers.FixedEpochs",
    "aisle.model.classifiers.SparseLinear",
    "aisle.model.classifiers.TreeClassifier",
    "aisle.model.confidence.Calibration",
    "aisle.model.confidence.Confidence",
    "aisle.model.memory.Memory",
    "aisle.model.neighbours.Neighbours",
    "aisle.model.reranker.Reranker",
    "aisle.model.text.HashedWords",
    "aisle.model.text.ProductText",
    "aisle.model.vectorizer.Vectorizer",
    "aisle.model.views.Views",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]


def save(categorizer: Categorizer, path: Path | str) -> None:
    """Write a fitted categorizer with skops (no pickle), atomically; equal models give equal files."""
    from skops.io import dump

    with replacing(path) as temporary, tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        raw = Path(folder) / "raw.skops"
        dump(categorizer, raw)
        rewrite(raw, temporary)


def load(path: Path | str) -> Categorizer:
    """Read what `save` wrote; nothing but the types named here is ever made.

    Raises
    ------
    ModelError
        For a file that is missing, damaged, or holds a type that is not ours.
    """
    from skops.io import load as load_trusted
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        categorizer = load_trusted(Path(path), trusted=TRUSTED_TYPES)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no model; run `dvc repro`") from error
    except UntrustedTypesFoundException as error:
        raise ModelError(f"{path}: holds types that Aisle does not write, so it is not loaded ({error})") from error
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ModelError(
            f"{path}: damaged, or not a model of Aisle; make it again by `dvc repro`, or the Bento by `aisle package`"
        ) from error
    if not isinstance(categorizer, Categorizer):
        raise ModelError(f"{path}: holds a {type(categorizer).__name__}, not a categorizer")
    return categorizer
