"""What the tables of a catalogue must hold: suites as JSON, the rules that they need, and the page that shows them.

The suites (`taxonomy.json`, `products.json`, `labels.json`, `predictions.json`) are the source of
truth and are meant to be read; Great Expectations evaluates them.
"""
