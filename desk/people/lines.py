"""Lines of the log."""

from __future__ import annotations

import logging


class Short(logging.Filter):
    """Takes the traceback off: what a stranger sent is no failure of the desk."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass, as one line of at most 300 characters."""
        record.msg, record.args = " ".join(record.getMessage().split())[:300], None
        record.exc_info = record.exc_text = record.stack_info = None
        return True
