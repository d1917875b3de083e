"""The topics and clauses that synthetic speakers use. Placeholders in braces are slots of `lexicon`, or topic words.

No fixed word here may be one that the scorer counts: a test says so.
"""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOPICS: Final = {
    "gardening": _words("garden hedge orchard greenhouse pond lawn"),
    "transport": _words("tram bridge timetable ferry station bicycle"),
    "school": _words("classroom lesson library exam playground teacher"),
    "kitchen": _words("oven recipe menu soup bakery freezer"),
    "software": _words("server password website keyboard update database"),
    "health": _words("clinic nurse vaccine ward ambulance pharmacy"),
    "sport": _words("stadium coach referee match trophy training"),
    "music": _words("concert violin choir drummer studio album"),
    "housing": _words("roof apartment landlord heating balcony mortgage"),
    "work": _words("office contract deadline meeting salary warehouse"),
    "travel": _words("hotel passport airport luggage island guide"),
    "weather": _words("storm forecast flood drought snow umbrella"),
    "energy": _words("turbine battery generator pipeline meter furnace"),
    "theatre": _words("stage costume curtain script rehearsal actor"),
    "farming": _words("tractor harvest barn wheat cattle orchard"),
    "city": _words("council park sewer crossing tower festival"),
}
"""Topic to the things its speakers talk about."""
PLACES: Final = _words("village harbor district valley region suburb county town")
TIMES: Final = _words("Monday Tuesday Friday Sunday winter spring summer April October")
GAINS: Final = _words("money hours space fuel water effort paper miles")

CLAUSES: Final = {
    "formality": (
        "we {obtain} the {thing} by {time}",
        "they {obtain} a new {thing} for the {place}",
        "the {people} use the {thing} every {time}",
        "some {people} in the {place} asked about the {thing}",
        "we {examine} the {thing} in the {place}",
        "they {examine} each {thing} twice a year",
        "two {people} {obtain} the old {thing}",
        "the {people} {examine} another {thing} this {time}",
    ),
    "persuasiveness": (
        "the {source} says the {thing} saves {gain}",
        "some {source} tells us the {thing} keeps its {gain}",
        "the {thing} {certainty} saves the {place} {gain}",
        "{certainty} the {thing} brings back {gain} by {time}",
        "the {source} {certainty} favors a {thing}",
        "the {place} {certainty} trusts the {source} on {gain}",
    ),
    "enthusiasm": (
        "the {thing} is {quality} this {time}",
        "it was a {quality} {thing} for the {place}",
        "I am {feeling} about the {thing}",
        "the {quality} {thing} leaves me {feeling}",
        "that {thing} in the {place} is {quality}",
        "all this {gain} makes me {feeling}",
    ),
    "empathy": (
        "I {response} the {concern} about the {thing}",
        "the {place} will {response} their {concern}",
        "I {response} what the {thing} does to the {place}",
        "all of the {concern} on the {thing} reached me by {time}",
        "I {response} all such {concern} every {time}",
    ),
}
"""Clauses by the trait whose slots they hold."""

ADDITIONS: Final = {
    "formality": (
        "the {people} will {examine} this",
        "we {obtain} what is left",
        "some {people} {examine} it twice",
        "at least two {people} {obtain} one each",
    ),
    "persuasiveness": (
        "the {source} {certainty} says this",
        "that is what the {source} tells us",
        "it {certainty} works",
    ),
    "enthusiasm": (
        "this is {quality}",
        "I am {feeling} about it",
        "what a {quality} day",
        "all of it leaves me {feeling}",
    ),
    "empathy": ("I {response} the {concern} behind it", "we {response} all such {concern}", "I {response} that"),
}
"""Short sentences that carry one trait and fit any topic; the rewriter adds them."""
