"""The sample catalogue: generated products as hard as real offers, of any size, with their past.

vocabulary  the words of branches and leaves, read from `words/`
tree        which leaves a sample of a given size has
things      physical products
sellers     who offers them, and in which format
wording     what a format does to words
offers      what a seller writes of a thing
flow        which things arrive from which sellers on a day
scoring     the model that scored the daily products
operation   predictions, audits, reviews and corrections
writing     the catalogue folder
stream      further days, with planted changes (`plants`)
"""

from aisle.catalogue.sample.stream import write_stream
from aisle.catalogue.sample.writing import write_sample

__all__ = ["write_sample", "write_stream"]
