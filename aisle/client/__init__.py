"""The scoring service from Python: products in, columns out, over HTTP.

    with ServiceClient("http://127.0.0.1:3000") as service:
        answer = service.categorize([{"title": "Cordless drill 18V"}])
        answer.category_id[0], answer.confidence[0], answer.decision[0]

Calls that are too large for one request are sent as several. What may pass (no connection, 429,
502, 503, 504) is tried again, after the time that the service asks for and a random time that
doubles from try to try; the number of tries and the whole time are bounded.
"""

from aisle.client.answers import Categories, Categorized, Explained, ModelIdentity, Probabilities, ProductError
from aisle.client.service import ServiceClient

__all__ = [
    "Categories",
    "Categorized",
    "Explained",
    "ModelIdentity",
    "Probabilities",
    "ProductError",
    "ServiceClient",
]
