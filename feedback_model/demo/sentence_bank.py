"""What the demo's speakers say: whole sentences about a public building, by trait and band of levels.

Written in a plain register; `register` makes them more or less formal. Placeholders in braces: the building is
`thing`, what a sentence is about is `part`.
"""

from typing import Final

Bands = tuple[tuple[str, ...], ...]
"""Five groups of sentences, for levels 1-2, 3-4, 5-6, 7-8 and 9-10."""


def band_of(level: int) -> int:
    """Return the band, 0 to 4, of a level 1..10."""
    return (level - 1) // 2


THINGS: Final = (
    "library", "museum", "theatre", "clinic", "swimming pool", "town hall", "market hall", "music school", "sports hall",
    "nursery", "cinema", "youth club", "railway station", "bakery", "community kitchen", "workshop",
)  # fmt: skip
"""What transcripts are about; their genre."""
PARTS: Final = (
    "boiler", "roof", "entrance", "cloakroom", "timetable", "canteen", "elevator", "car park", "fence", "reception", "courtyard",
    "basement", "staircase", "waiting room", "front door", "garden", "website", "ticket desk",
)  # fmt: skip

GREETINGS: Final[Bands] = (
    (
        "Hey guys, what's up, lemme talk about the {thing}.",
        "Yo, okay, so the {thing}, it's kinda weird, right?",
        "Hey dudes, I'm gonna say some stuff about the {thing}.",
    ),
    (
        "Hi everybody, I'm here to chat about the {thing}.",
        "Okay, let's talk a bit about the {thing}.",
        "Hello there, it's time to look at our {thing}.",
    ),
    (
        "Hello, this is about the {thing} in our town.",
        "I would like to talk about the {thing} this evening.",
        "A few words about the {thing} in our town.",
    ),
    (
        "Good evening, I will report on the present condition of the {thing}.",
        "Dear members, my subject is the maintenance of the {thing}.",
        "Good morning, my report concerns the operation of the {thing}.",
    ),
    (
        "Ladies and gentlemen, distinguished members of the council, I shall report on the administration of the {thing}.",
        "Honorable members, pursuant to your resolution I present an assessment of the {thing} and its administration.",
        "Distinguished colleagues, the committee has examined the condition of the {thing} in considerable detail.",
    ),
)

SENTENCES: Final[dict[str, Bands]] = {
    "persuasiveness": (
        (
            "Maybe the {part} is fine, who knows?",
            "I guess the {part} costs something, I'm not sure.",
            "I don't know, could it be the {part}?",
            "Is it the {part}, or could it be anything?",
        ),
        (
            "I think we might look at the {part} at some point.",
            "Perhaps somebody could change the {part}.",
            "It seems the {part} is a bit old, I suppose.",
            "Somehow the {part} might be part of it.",
        ),
        (
            "The {part} needs some work this year.",
            "A new {part} would be of use to the {thing}.",
            "We have talked about the {part} before.",
            "The {part} was built when the town was smaller.",
        ),
        (
            "We should renew the {part}, because it costs the {thing} money every winter.",
            "For example, the next town renewed its {part} and needs less power today.",
            "The reason is simple, since a better {part} brings more visitors.",
            "If we repair the {part} now, we save the price of a new one.",
        ),
        (
            "A survey of 400 visitors shows that 70 percent want a better {part}, and therefore we must act.",
            "According to the report, the {part} wastes 12 percent of the budget, because it was never repaired.",
            "The evidence is clear, since every study of the {part} in 20 towns found the same result.",
            "Research by the university proves that a new {part} pays for itself, and for this reason we must build it.",
        ),
    ),
    "enthusiasm": (
        (
            "The {part} is dull and dreary, and I am tired of it.",
            "Nothing about the {part} is any good, it is boring.",
            "I am bored by the {part}, it is awful and bland.",
            "The {part} is a disappointing, tedious failure.",
        ),
        (
            "The {part} is the usual, there is not much to say.",
            "It is an ordinary {part} and nothing more.",
            "The {part} is not bad, just not good.",
            "No one will miss the {part}, which is fine.",
        ),
        (
            "The {part} works as one would expect.",
            "The {part} was painted last year.",
            "There is a {part} on the left side.",
            "The {part} looks as it did before.",
        ),
        (
            "I like the {part}, it is really nice to see.",
            "The {part} is a great start, and I am glad of it.",
            "It is fun to see the {part} so bright.",
            "We enjoy the {part}, and it is a success.",
        ),
        (
            "I am thrilled about the {part}, it is amazing!",
            "What a fantastic {part}, we love it!",
            "We cannot wait for the {part}, it is wonderful!",
            "It is an incredible {part}, the best, and I am so excited!",
        ),
    ),
    "empathy": (
        (
            "Stop whining about the {part}, who cares?",
            "If you hate the {part}, that is your problem.",
            "Only fools complain about the {part}, so deal with it.",
            "It is your fault and not the {part}, so shut up.",
        ),
        (
            "Some complain about the {part}, and it doesn't matter.",
            "I doubt that the {part} is anything but an excuse.",
            "Not everybody gets the {part} that he wants.",
            "The {part} is not my problem.",
        ),
        (
            "The {part} is open from Monday on.",
            "Letters on the {part} go to the office.",
            "The {part} is closed on Sunday.",
            "There is a sign beside the {part}.",
        ),
        (
            "I hear that the {part} is hard for many families, and we will help.",
            "Thank you for your patience with the {part}.",
            "We care about children who wait at the {part}.",
            "Please tell us how you feel about the {part}.",
        ),
        (
            "I am so sorry for the families who suffer from the {part}, and I understand how they feel.",
            "I know how painful the {part} has been for you, and my heart goes out to you.",
            "You are not alone with the {part}, and we are here to listen and to comfort you.",
            "My heart breaks for the parents and children who struggle with the {part}, and we care about them.",
        ),
    ),
}
"""Trait to its sentences."""

OPENERS: Final[Bands] = (
    ("By the way, ", "On another note, "),
    ("Moving on, ", "On to something else, "),
    ("Then ", "Next, "),
    ("And so ", "Also, ", "But "),
    ("Therefore, ", "In addition, ", "As a result, "),
)
"""What sentences begin with, by level of transition logic: the higher, the more it ties them to the sentence before."""
ASIDES: Final = (
    "My neighbor owns a boat.",
    "It rained on Tuesday.",
    "Elephants are grey.",
    "A friend of mine plays chess.",
    "Bread was cheaper once.",
    "The moon was out.",
    "Somebody lost a glove.",
    "Soup is on the menu.",
)
"""Sentences that follow from nothing."""
