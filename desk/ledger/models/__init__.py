"""The tables of the ledger.

    products   Product, Revision, Waiting, Prediction, Tally     what came in, and what the service said
    work       Task, Answer, Correction                          what people were asked, and what they said
    control    Brake, Alarm, Export, Renumbered, Event           what was stopped, rung, written out, administered

Revisions, their numbers in the catalogue, predictions, answers, corrections and events are never changed
or deleted: the model refuses, and a trigger of the database refuses updates.
"""

from __future__ import annotations

from desk.ledger.models.control import Alarm, Brake, BrakeKind, BrakeScope, Event, Export, Renumbered
from desk.ledger.models.products import Decision, Prediction, Product, Revision, Source, Tally, Waiting
from desk.ledger.models.work import Answer, Correction, Kind, State, Status, Task

__all__ = [
    "Alarm",
    "Answer",
    "Brake",
    "BrakeKind",
    "BrakeScope",
    "Correction",
    "Decision",
    "Event",
    "Export",
    "Kind",
    "Prediction",
    "Product",
    "Renumbered",
    "Revision",
    "Source",
    "State",
    "Status",
    "Tally",
    "Task",
    "Waiting",
]
