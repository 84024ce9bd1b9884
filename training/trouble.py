"""What can go wrong with the store, as one kind of error; and saying so where saying can go wrong as well."""

import sqlite3
import traceback

from sqlalchemy.exc import SQLAlchemyError

from optim_core.command import line, tell


class StoreError(ValueError):
    """The store cannot be opened, read or written; the text says why."""


TROUBLE = (StoreError, SQLAlchemyError, sqlite3.Error, OSError)  # what may be over in a while: tried again, and said


def reason(error: BaseException) -> str:
    """Why, in the words of who knows: SQLite's or the system's own. Never raises."""
    while isinstance(error, StoreError) and error.__cause__ is not None:
        error = error.__cause__
    error = getattr(error, "orig", None) or error
    return (error.strerror if isinstance(error, OSError) else "") or words(error) or type(error).__name__


def words(error: BaseException) -> str:
    """Its text, in one line. Never raises."""
    try:
        return line(str(error))
    except Exception:  # an error whose text is an error
        return ""


def said(error: BaseException) -> str:
    """The traceback of an error. Never raises."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return f"{type(error).__name__}\n"


class Saying:
    """Says each trouble once, on the standard error, and when it is over. Never raises."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, ""

    def trouble(self, why: str) -> None:
        """It does not work, since ...; it is tried again."""
        if why != self.last:
            tell(f"{self.what}: {why}; trying again")
        self.last = why

    def over(self) -> None:
        """It works."""
        if self.last:
            tell(f"{self.what}: it works again")
        self.last = ""
