"""How a user wants files read."""

import codecs
from dataclasses import dataclass, field
from typing import Final

from feedback_model.errors import InputError

ALL: Final = "all"
EACH: Final = "each"


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What files do not say themselves, or say wrongly."""

    text_column: str = ""
    """Column or field with the text; empty: found by its name."""
    speaker_column: str = ""
    """Column or field with the speaker; empty: found by its name."""
    speaker: str = ALL
    """Whose turns make a transcript: `all`, `each` (one transcript a speaker), or a speaker's name."""
    encoding: str = ""
    """Of texts; empty: told by their bytes."""
    redact: bool = False
    """True to put words in the place of e-mail addresses, telephone and card numbers."""

    def __post_init__(self) -> None:
        """Refuse an encoding that there is none of.

        Raises:
            InputError: it names none.
        """
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError as error:
            raise InputError(
                f"{self.encoding!r} is no encoding; name one such as utf-8, cp1252 or utf-16-le"
            ) from error


@dataclass
class Assumptions:
    """What was assumed or mended while reading, for the user to be told."""

    files: dict[str, list[str]] = field(default_factory=dict)
    """By what was assumed, where."""

    def note(self, what: str, where: str) -> None:
        """Remember what was assumed of a file, once."""
        places = self.files.setdefault(what, [])
        if not places or places[-1] != where:
            places.append(where)

    def sentences(self) -> list[str]:
        """Return a sentence for each thing that was assumed: `encoding cp1252 assumed: talk.txt and 3 more`."""
        return [
            f"{what}: {places[0]}{f' and {len(places) - 1} more' if len(places) > 1 else ''}"
            for what, places in self.files.items()
        ]
