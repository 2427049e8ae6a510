"""One fixed model behind three servers: requests a second, and time to ready."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aisle.errors import RegistryError
from benchmarks.results import Result
from benchmarks.serving.linear import write_linear
from benchmarks.serving.load import Asked, ask, request
from benchmarks.serving.servers import Server, fastapi_linear, mlflow_served, our_bento, our_linear

TITLES_A_REQUEST = {"single": 1, "batch": 1000}
_PATHS: dict[str, tuple[str, Callable[[list[str]], object]]] = {
    "aisle": ("/v1/categorize", lambda titles: {"products": [{"title": one} for one in titles], "alternatives": 0}),
    "fastapi": ("/categorize", lambda titles: {"titles": titles}),
    "mlflow": ("/invocations", lambda titles: {"dataframe_records": [{"title": one} for one in titles]}),
    "mlflow_split": (
        "/invocations",
        lambda titles: {"dataframe_split": {"columns": ["title"], "data": [[one] for one in titles]}},
    ),
}
_NAMES = {
    "aisle": "Aisle's service",
    "fastapi": "bare FastAPI app",
    "mlflow": "mlflow models serve",
    "mlflow_split": "mlflow models serve, columns and rows apart (dataframe_split)",
}
REACH = {"single_vs_mlflow": "≥ 1.3", "single_vs_fastapi": "≥ 0.7", "batch_vs_mlflow": "≥ 3"}


def linear_rows(
    titles: Sequence[str], categories: Sequence[str], taxonomy: Path, folder: Path, rounds: int, seconds: float
) -> list[Result]:
    """Fit the model, start the three servers, ask them in turns."""
    write_linear(list(titles), list(categories), folder)
    with contextlib.ExitStack() as stack:
        servers = {
            "aisle": stack.enter_context(our_linear(folder, taxonomy, folder / "predictions", folder / "aisle.log")),
            "fastapi": stack.enter_context(fastapi_linear(folder, folder / "fastapi.log")),
            "mlflow": stack.enter_context(mlflow_served(_logged(folder, taxonomy), folder / "mlflow.log")),
        }
        servers["mlflow_split"] = servers["mlflow"]
        found = {kind: _in_turns(servers, titles, size, rounds, seconds) for kind, size in TITLES_A_REQUEST.items()}
    return _rates(found) + _ratios(found)


def _logged(folder: Path, taxonomy: Path) -> Path:
    """The model as MLflow stores it."""
    import mlflow

    from benchmarks.serving import linear

    stored = folder / "mlflow"
    mlflow.pyfunc.save_model(
        str(stored),
        python_model=str(Path(__file__).with_name("mlflow_model.py")),
        artifacts={"linear": str(folder / linear.FILE), "taxonomy": str(taxonomy)},
        signature=mlflow.models.ModelSignature(
            inputs=mlflow.types.Schema([mlflow.types.ColSpec("string", "title")]),
        ),
        pip_requirements=[],
    )
    return stored


def requests_of(name: str, port: int, titles: Sequence[str], size: int, many: int = 50) -> list[bytes]:
    """Requests of `size` titles each, as this server wants them."""
    path, body = _PATHS[name]
    parts = [[titles[(start + place) % len(titles)] for place in range(size)] for start in range(0, many * size, size)]
    return [request(path, json.dumps(body(part)).encode(), port) for part in parts]


def _in_turns(
    servers: Mapping[str, Server], titles: Sequence[str], size: int, rounds: int, seconds: float
) -> dict[str, list[Asked]]:
    requests = {name: requests_of(name, server.port, titles, size) for name, server in servers.items()}
    for name, server in servers.items():
        ask(server.port, requests[name], seconds / 2)  # warm
    found: dict[str, list[Asked]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            asked = ask(server.port, requests[name], seconds)
            if asked.failed:
                raise RuntimeError(f"{name} failed {asked.failed} of {asked.failed + len(asked.seconds)} requests")
            found[name].append(asked)
    return found


def _rates(found: Mapping[str, Mapping[str, Sequence[Asked]]]) -> list[Result]:
    return [
        Result(
            f"linear.{kind}.{name}",
            f"linear model, {TITLES_A_REQUEST[kind]:,} titles a request: {_NAMES[name]}",
            statistics.median(one.rate for one in asked),
            "requests/s",
        )
        for kind, by_server in found.items()
        for name, asked in by_server.items()
    ]


def _ratios(found: Mapping[str, Mapping[str, Sequence[Asked]]]) -> list[Result]:
    rows = []
    for row, reach in REACH.items():
        kind, other = row.split("_vs_")
        pairs = zip(found[kind]["aisle"], found[kind][other], strict=True)
        value = statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)
        rows.append(Result(f"linear.{row}", f"linear model, {kind}: Aisle against {_NAMES[other]}", value, "×", reach))
    return rows


def start_rows(bento: Path, folder: Path, rounds: int) -> list[Result]:
    """Time from the command to the first answer that says ready: the shipped model, and the linear one."""
    model = _registered(folder)
    ours, theirs = [], []
    for number in range(rounds):
        with our_bento(bento, folder / "predictions", folder / f"aisle-{number}.log") as server:
            ours.append(server.seconds_to_ready)
        with mlflow_served(model, folder / f"mlflow-{number}.log") as server:
            theirs.append(server.seconds_to_ready)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    return [
        Result("start.aisle", "time to ready, shipped model: Aisle's service", statistics.median(ours), "s"),
        Result("start.mlflow", "time to ready, shipped model: mlflow models serve", statistics.median(theirs), "s"),
        Result("start.vs_mlflow", "time to ready: Aisle against mlflow models serve", ratio, "×", "≤ 0.7"),
    ]


def _registered(folder: Path) -> Path:
    """The champion as the registry keeps it, on this disk."""
    from pipelines.registry import connection, versions
    from pipelines.registry.packaging import downloaded

    client = connection.connect()
    champion = versions.champion(client)
    if champion is None:
        raise RegistryError("there is no champion to compare with; `aisle promote latest --by NAME --reason TEXT`")
    with downloaded(client, champion.name, str(champion.version)) as model:
        return Path(shutil.copytree(model, folder / "champion"))
