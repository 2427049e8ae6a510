"""The service as one ASGI app: routes, and the layers around them."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from service import endpoints, static
from service.answering import Answers
from service.engine import Engine
from service.keys import keys_of
from service.limits import Guard
from service.metrics import Metrics
from service.openapi import description
from service.prediction_log import PredictionLog
from service.schemas import CategorizeRequest, ExplainRequest, ProbabilitiesRequest
from service.settings import Settings
from service.worker import Worker


def make_app(engine: Engine, settings: Settings, log: PredictionLog | None = None) -> Starlette:
    """The whole service around `engine`, without the probes of BentoML.

    Parameters
    ----------
    engine : loaded
    settings : limits, keys
    log : of predictions; None: nothing is logged

    Raises
    ------
    ConfigurationError
        Where the API keys cannot be used.
    """
    worker, keys = Worker(settings.max_waiting, settings.timeout_seconds), keys_of(settings)
    metrics = Metrics(
        engine.name,
        lambda: worker.unfinished,
        lambda: log.state() if log is not None else None,
        lambda: keys.failing,
    )
    answers = Answers(engine, metrics, log)
    posts: dict[str, ASGIApp] = {
        "/v1/categorize": endpoints.Post(CategorizeRequest, answers.categorize, worker, metrics),
        "/v1/probabilities": endpoints.Post(ProbabilitiesRequest, answers.probabilities, worker, metrics),
        "/v1/explain": endpoints.Post(ExplainRequest, answers.explain, worker, metrics, few=0),
    }
    routes = [
        *(Route(path, post, methods=["POST"]) for path, post in posts.items()),
        endpoints.constant("/v1/categories", msgspec.json.encode(engine.categories())),
        endpoints.constant("/v1/model", msgspec.json.encode(engine.described(settings.timeout_seconds))),
        endpoints.health(engine, log),
        endpoints.exposition(metrics),
        endpoints.constant("/docs.json", msgspec.json.encode(description())),
        *static.routes(),
    ]
    return Starlette(
        routes=[*routes, endpoints.everything_else(routes)],
        middleware=[
            Middleware(endpoints.Counting, metrics=metrics, paths=frozenset(route.path for route in routes)),
            Middleware(Guard, settings=settings, model=engine.name, keys=keys),
        ],
    )
