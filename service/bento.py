"""The service as BentoML knows it: one model, one ASGI app in front, probes that tell the truth.

BentoML brings the artefact, its loading and the probes. Its own layers around each request (tracing, access
log, metrics with a label per path, a timer of a minute per request) would cost more than the answer and grow
with whatever paths strangers ask for, so all paths but the probes go straight to our app, which has its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bentoml

from service.settings import PROBES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.engine import Engine
    from service.settings import Settings

ROOT = Path(__file__).parents[1]
NAME = "aisle"
MODEL_ALIAS = "aisle-model"  # what the model is called inside its Bento, whatever its version
FLUSH_SECONDS = 10.0  # how long a stop waits for the last lines of the prediction log


class Front:
    """Sends probes and the lifespan to BentoML's app, everything else to ours.

    Parameters
    ----------
    probes : ASGI app
        BentoML's, which starts and stops the service with its lifespan.
    service : AisleService
        Holds our app once started; no request arrives before.
    """

    def __init__(self, probes: ASGIApp, service: AisleService) -> None:
        self.probes, self.service = probes, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one lifespan."""
        if scope["type"] == "http" and scope["path"] not in PROBES and self.service.app is not None:
            await self.service.app(scope, receive, send)
        else:
            await self.probes(scope, receive, send)


# BentoML ships no types.
class AisleService(bentoml.Service[Any]):  # type: ignore[misc]
    """BentoML's service with the engine in it: loaded once a process, before anything listens."""

    engine: Engine | None = None
    app: ASGIApp | None = None

    def prepare(self) -> Engine:
        """Load the model, and have it answer one product; a second call costs nothing.

        Raises
        ------
        AisleError
            When settings or model are not usable.
        """
        _reach_own_code()
        if self.engine is None:
            from service.engine import Engine

            engine = Engine.load(*self._model(_settings()))
            _ask_once(engine)
            self.engine = engine
        return self.engine

    def _model(self, settings: Settings) -> tuple[Path, str | None]:
        """The folder of the model and the tag of the Bento; a Bento serves its own model and no other."""
        from aisle.errors import ConfigurationError

        if self.bento is None:
            if settings.model_folder is None:
                raise ConfigurationError("AISLE_MODEL_FOLDER is not set; outside a Bento it names the model's folder")
            return settings.model_folder, None
        if settings.model_folder is not None:
            raise ConfigurationError("AISLE_MODEL_FOLDER is set, but a Bento serves its own model; unset it")
        return Path(bentoml.models.get(MODEL_ALIAS).path), str(self.bento.tag)

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """The app to serve, with its lifespan."""
        return Front(super().to_asgi(is_main), self)


def _reach_own_code() -> None:
    """BentoML takes the Bento's code off the module path once it has imported the service."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


def _settings() -> Settings:
    from service.settings import Settings

    return Settings.from_environment(os.environ)


def _ask_once(engine: Engine) -> None:
    """A model that loads but cannot answer is no model; the first answer is also the slowest."""
    from aisle.catalogue.columns import PRODUCT_FIELDS, Columns
    from aisle.errors import ModelError

    product: dict[str, list[Any]] = {field: [None] for field in PRODUCT_FIELDS}
    try:
        engine.categorize(Columns(product | {"title": ["garden hose"]}))
    except Exception as error:
        raise ModelError(f"the model loads, but cannot answer ({type(error).__name__}: {error})") from error


@bentoml.service(
    name=NAME,
    service_class=AisleService,
    workers=1,
    http={"host": "127.0.0.1", "port": 3000},
    metrics={"enabled": False},  # ours are at /metrics, behind the keys
    logging={"access": {"enabled": False}},
    tracing={"sample_rate": 0.0},
    monitoring={"enabled": False},
)
class Aisle:
    """Puts products into their category, and says how sure it is and whether a machine may decide."""

    def __init__(self) -> None:
        service = _service()
        engine, settings = service.prepare(), _settings()
        from service.app import make_app
        from service.prediction_log import PredictionLog

        self.log = None
        if settings.log_folder is not None:
            rotate_bytes = int(settings.log_rotate_mb * 2**20)
            self.log = PredictionLog(settings.log_folder, rotate_bytes, settings.log_products)
        service.app = make_app(engine, settings, self.log)

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check() -> None:
        """Load the model in the parent of `bentoml serve`, which would start a worker that fails again and again."""
        _reach_own_code()
        from aisle.errors import EXIT_BAD_INPUT, AisleError, one_line

        try:
            _service().prepare()
        except (AisleError, OSError) as error:
            print(f"aisle: {one_line(error)}", file=sys.stderr)
            raise SystemExit(EXIT_BAD_INPUT) from None
        _service().engine = None  # the workers are processes of their own, and load it again

    async def __is_ready__(self) -> bool:
        return _service().app is not None

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def flush(self) -> None:
        """Write what the prediction log still holds."""
        _service().app = None
        if self.log is not None:
            self.log.close(FLUSH_SECONDS)


def _service() -> AisleService:
    """`Aisle`, which is the service and no longer the class once it is decorated."""
    return cast(AisleService, Aisle)
