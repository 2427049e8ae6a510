"""The desk: are its figures right, does it lose anything, is it quick enough for people?

    python -m benchmarks.desk [--quick] [--only PART]

- *interval*: do the intervals of audits hold the truth? (`benchmarks.desk.intervals`)
- *draw*: is the recorded probability the chance of being drawn? (`benchmarks.desk.draw`)
- *kills*: desk and database killed (kill -9) at random moments under load (`benchmarks.desk.kills`)
- *intake*: products through the inbox, against posting them to the service directly (`benchmarks.desk.intake`)
- *quality_page*: the pages over a ledger of a million products (`benchmarks.desk.pages`)
- *labelling*: twenty people labelling at once (`benchmarks.desk.people`)
- *next_item*: from an answer sent to the next item received, over a ledger of a million products
  (`benchmarks.desk.next_item`)
- *keys*: key strokes from a product shown to its answer stored, in a browser (`benchmarks.desk.keys`)

`--quick` is a small form of each, whose figures say nothing. `--only PART` measures one part again and leaves the
rows of the others as they are.
"""
