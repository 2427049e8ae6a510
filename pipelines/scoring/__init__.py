"""Scoring a file: products of a CSV, JSON lines or Parquet file in, an answer for each of its rows out.

`products` reads and checks rows, `scorers` asks a model here or a service elsewhere, `parts` keeps what
is finished, `writing` puts it together, `running` does one after the other.
"""

from pipelines.scoring.running import Summary, check_paths, score_file
from pipelines.scoring.scorers import Scorer, champion_scorer, folder_scorer, service_scorer

__all__ = ["Scorer", "Summary", "champion_scorer", "check_paths", "folder_scorer", "score_file", "service_scorer"]
