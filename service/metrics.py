"""What the service counts, for Prometheus: a registry an app, numbers in plain memory of the one process.

Written as a collector of its own, so that a thousand confidences are one step into a histogram and
the state of the prediction log is that of the moment when somebody looks.
"""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.schemas import ModelName, ProductError

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
MODEL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LOG = {
    "failing": ("aisle_prediction_log_failing", "1 while predictions cannot be logged, 0 otherwise."),
    "queued": ("aisle_prediction_log_queued", "Predictions that wait to be logged."),
    "lost": ("aisle_prediction_log_lost", "Predictions that could not be logged and are gone."),
    "written": ("aisle_prediction_log_written", "Predictions logged."),
}
_FEW = 16  # values for which a loop is faster than an array
_ERRORS = "Products refused, by what was wrong."
_KEYS_FAILING = "1 while the file of API keys cannot be used and older keys stay in force, 0 otherwise."


class _Histogram:
    """Counts of values up to each bound, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._names = [*(str(bound) for bound in bounds), "+Inf"]
        self._counts = [0] * len(self._names)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_all(self, values: NDArray[np.float64]) -> None:
        """Count n values."""
        if len(values) <= _FEW:
            for value in values.tolist():
                self.add(value)
            return
        steps = np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        self._counts = [before + more for before, more in zip(self._counts, steps.tolist(), strict=True)]
        self._sum += float(values.sum())

    def samples(self) -> tuple[list[tuple[str, float]], float]:
        """Pairs of bound and count up to it, and the sum, as Prometheus takes them."""
        counts = itertools.accumulate(self._counts)
        return list(zip(self._names, counts, strict=True)), self._sum


class Metrics(Collector):
    """Counters and histograms of one service.

    Parameters
    ----------
    model : which one answers
    waiting : gives the batches that wait or are worked on
    log_state : gives the state of the prediction log, or None without one
    keys_failing : gives whether the file of API keys cannot be used as it is now
    """

    def __init__(
        self,
        model: ModelName,
        waiting: Callable[[], int],
        log_state: Callable[[], Mapping[str, Any] | None],
        keys_failing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._model, self._waiting, self._log_state, self._keys_failing = model, waiting, log_state, keys_failing
        self._lock = threading.Lock()
        self._decisions, self._errors = Counter({"auto": 0, "review": 0}), Counter[str]()
        self._requests = Counter[tuple[str, str]]()
        self._confidence = _Histogram(CONFIDENCES)
        self._model_seconds = defaultdict[str, _Histogram](lambda: _Histogram(MODEL_SECONDS))
        self._request_seconds = defaultdict[str, _Histogram](lambda: _Histogram(REQUEST_SECONDS))
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def decided(self, decisions: Iterable[str], confidences: NDArray[np.float64]) -> None:
        """Count products that were answered."""
        with self._lock:
            self._decisions.update(decisions)
            self._confidence.add_all(confidences)

    def refused(self, errors: Sequence[ProductError]) -> None:
        """Count products that were not."""
        if not errors:
            return
        with self._lock:
            self._errors.update(error.code for error in errors)

    def modelled(self, operation: str, seconds: float) -> None:
        """Note how long the model took for one request."""
        with self._lock:
            self._model_seconds[operation].add(seconds)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Note an answer; `path` is one of ours, never what somebody asked for."""
        with self._lock:
            self._requests[path, str(status)] += 1
            self._request_seconds[path].add(seconds)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the header `Accept` asks for, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
            return encode(self._registry), content_type
        except (TypeError, ValueError):  # a version that is no number, or one that nobody knows
            encode, content_type = choose_encoder("")
            return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """The metrics, as prometheus_client asks for them."""
        with self._lock:
            counted = [*self._counted()]
        yield from counted
        yield self._who()
        yield GaugeMetricFamily("aisle_api_keys_file_failing", _KEYS_FAILING, float(self._keys_failing()))
        yield GaugeMetricFamily("aisle_batches_waiting", "Batches that wait for the model or run.", self._waiting())
        state = self._log_state()
        if state is not None:
            for key, (name, text) in _LOG.items():
                kind = GaugeMetricFamily if key in ("failing", "queued") else CounterMetricFamily
                yield kind(name, text, value=float(state[key]))

    def _who(self) -> Metric:
        who = GaugeMetricFamily(
            "aisle_model_info", "Which model answers; always 1.", labels=["name", "version", "policy_id", "bento_tag"]
        )
        who.add_metric([self._model.name, self._model.version, self._model.policy_id, self._model.bento_tag or ""], 1)
        return who

    def _counted(self) -> Iterator[Metric]:
        decisions = CounterMetricFamily("aisle_products", "Products answered, by decision.", labels=["decision"])
        for decision, times in self._decisions.items():
            decisions.add_metric([decision], times)
        errors = CounterMetricFamily("aisle_product_errors", _ERRORS, labels=["code"])
        for code, times in self._errors.items():
            errors.add_metric([code], times)
        requests = CounterMetricFamily("aisle_requests", "Requests, by path and status.", labels=["path", "status"])
        for (path, status), times in self._requests.items():
            requests.add_metric([path, status], times)
        buckets, total = self._confidence.samples()
        yield from (decisions, errors, requests)
        yield HistogramMetricFamily("aisle_confidence", "Confidence of products answered.", buckets, total)
        yield _labelled("aisle_model_seconds", "Time of the model for a request.", "operation", self._model_seconds)
        yield _labelled("aisle_request_seconds", "Time from request to answer.", "path", self._request_seconds)


def _labelled(name: str, text: str, label: str, histograms: Mapping[str, _Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=[label])
    for value, histogram in histograms.items():
        buckets, total = histogram.samples()
        family.add_metric([value], buckets, total)
    return family
