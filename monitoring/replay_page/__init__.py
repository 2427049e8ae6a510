"""The replay of the feedback loop as one page: what each model believed, and what was true."""
