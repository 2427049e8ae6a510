"""The report: figures, tables for `dvc plots`, and one page for people, all drawn from `evidence.json`."""
