"""The scoring service beside what people use instead, one worker each, on the two cores of this machine.

    python -m benchmarks.serving [--quick]

One core serves, the other asks: each connection sends its next request when the last is answered,
over connections that stay open. Servers take turns in short rounds, and figures are medians of
rounds, so that a busy moment of the machine meets all of them.

- *linear*: a fixed model (TF-IDF of words, linear machine with 200 categories) that is the same
  file for all: as MLflow serves it (`mlflow models serve`, one worker), in a bare FastAPI app, and
  behind our service, with its checks, limits and prediction log switched on.
- *shipped*: the model that a run with the shipped parameters gives on the sample catalogue, packaged
  and served as `aisle package` and `aisle serve` do; "bare" is a call of the model in a process that
  serves nothing.
- *memory*: resident memory of the server process while random products come in, no two alike.
- *generated*: requests that schemathesis makes up from the service's own description, valid and not.
- *killed*: the server is killed (kill -9) while products come in, and started again; then what
  `aisle predictions` collects is held against the answers that were received.

`--quick` asks a few requests each; its figures say nothing. `--only PART` measures one part again (linear, start,
shipped, memory, generated, killed) and leaves the rows of the others as they are.
"""
