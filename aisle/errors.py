"""What can go wrong, and the one line that a person reads then.

    AisleError                 anything that a user can mend (exit code 2)
    ├── ConfigurationError     a parameter or a mapping is wrong
    ├── DataError              a table, a file or a tree is wrong
    ├── NotCertified           a promise was asked for that the evidence does not carry
    ├── ModelError             a stored model cannot be read or does not fit
    ├── RegistryError          the tracking store or the registry refused or is out of reach
    └── ServiceUnavailable     the scoring service is out of reach, too busy, or answers nonsense

A message says what is wrong, where (file, row, column), and how to mend it, in one line.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

EXIT_BAD_INPUT = 2


class AisleError(Exception):
    """Something that the user can mend; its text is the one line to show."""


class ConfigurationError(AisleError):
    """A parameter, an option or a mapping is misspelt, missing or out of range."""


class DataError(AisleError):
    """A table, a file or the category tree does not hold what it must."""


class NotCertified(AisleError):
    """A decision needs a certificate that the calibration rows do not give."""


class ModelError(AisleError):
    """A stored model cannot be read, or does not belong to this catalogue."""


class RegistryError(AisleError):
    """The tracking store or the model registry refused, or is out of reach."""


class ServiceUnavailable(AisleError):
    """The scoring service is out of reach, stays too busy, or answers what cannot be understood."""


_SYSTEM_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EACCES: "permission denied; check who owns it",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOENT: "no such file or folder; check the path",
    errno.EISDIR: "this is a folder, a file was expected",
    errno.ENOTDIR: "this is a file, a folder was expected",
    errno.EMFILE: "too many open files; raise the limit of open files",
}


def one_line(error: BaseException) -> str:
    """The message of `error` on one line, for people; operating-system errors are explained."""
    if isinstance(error, OSError) and error.errno in _SYSTEM_REASONS:
        where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, (str, os.PathLike)) else ""
        return where + _SYSTEM_REASONS[error.errno]
    return " ".join(str(error).split()) or type(error).__name__


def exit_code_of(run: Callable[[], int | None]) -> int:
    """Run `run` and turn what a user can mend into one line on standard error.

    Returns the exit code: what `run` returned (None counts as 0), 2 for an `AisleError` or an
    error of the operating system, 130 when interrupted. Any other exception is a defect of
    ours and passes through with its traceback.
    """
    try:
        return run() or 0
    except (AisleError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output went away: not a failure
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - stays open until the process ends
            return 0
        print(f"aisle: {one_line(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("aisle: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
