"""The words that carry each trait, graded 1..10: what the generator speaks with and what the scorer looks for.

A word belongs to one trait only. `SLOTS` holds words that can stand in for each other in a sentence, one or more for
each grade; `MARKERS` holds further words found in real speech. Fillers are weighed, not graded: see `FILLERS`. Knows
no sentence and no formula.
"""

from typing import Final

Grades = tuple[str, ...]
"""Ten words that fit the same place in a sentence; the word at index i has grade i + 1."""


def _ten(words: str) -> Grades:
    return tuple(words.split())


SLOTS: Final[dict[str, dict[str, Grades]]] = {
    "formality": {
        "obtain": _ten("nab grab get find buy receive purchase obtain acquire procure"),
        "people": _ten("dudes guys buddies folks people residents members participants individuals constituents"),
        "examine": _ten("eyeball poke check watch see consider review examine evaluate scrutinize"),
    },
    "persuasiveness": {
        "source": _ten("gossip rumor hunch guess opinion example report survey data evidence"),
        "certainty": _ten(
            "supposedly somehow maybe perhaps possibly probably generally clearly demonstrably conclusively"
        ),
    },
    "enthusiasm": {
        "quality": _ten("dreary boring dull bland fine nice great exciting amazing spectacular"),
        "feeling": _ten("numb bored weary tired calm glad happy eager excited ecstatic"),
    },
    "empathy": {
        "response": _ten("dismiss ignore doubt question note notice hear respect understand honor"),
        "concern": _ten("whining moaning fussing complaints remarks questions concerns worries feelings struggles"),
    },
    "transition_logic": {
        "opener": _ten("whatever anyhow suddenly plus also then next moreover consequently therefore"),
        "link": _ten("nevermind randomly elsewhere besides again later secondly furthermore thus hence"),
    },
}

FILLER_WEIGHTS: Final[tuple[tuple[float, str], ...]] = (
    (1.0, "um|uh|er|erm|uhm|umm|uhh|hmm|mm|mm-hmm|uh-huh|mhm|huh|ah|eh"),
    (0.8, "you know|i mean|sort of|kind of|like like|or something|or whatever|and stuff"),
    (0.6, "basically|literally|kinda|sorta|y'know|yeah|i guess"),
    (0.4, "well|okay|ok|anyway|actually|just|honestly|oh|really|obviously|alright"),
)
FILLERS: Final = {word: weight for weight, words in FILLER_WEIGHTS for word in words.split("|")}
"""Filler to its weight: 1 is a bare hesitation, 0.4 a word that is often more than a filler."""
SPOKEN_FILLERS: Final = ("um", "uh", "er", "basically", "well")
"""The fillers that the generator and the rewriter insert, heaviest first."""

MARKERS: Final[dict[str, dict[int, str]]] = {
    "formality": {
        1: "gonna wanna gotta ain't dunno lol omg ya yo cuz crap damn hell shit lil ur u bro dude",
        2: "guy stuff cool super yep nope nah yup wow hey weird freaking pretty thing things",
        3: "got lot lots kids mom dad bunch okay yeah totally pic pics huge crazy bit",
        4: "i'm you're it's that's don't can't they're we're i've didn't doesn't isn't there's let's i'll we'll he's she's i'd",
        7: "regarding provide require system additional significant however policy within period",
        8: "shall upon whom public nation government law citizens pursuant respect congress legislation constitution",
        9: "administration economic necessary establish obligations institutions furthermore accordingly revenue provision",
        10: "herein thereof whereby henceforth undertake constitute commence aforementioned notwithstanding endeavor prudent",
    },
    "persuasiveness": {
        2: "whatever dunno guessing idk anyways wonder",
        3: "think might guess seems kinda feel",
        4: "could may hope believe try",
        7: "because reason should need important means known fact point",
        8: "must percent million shows show shown according result results increase therefore facts",
        9: "proof prove proves research studies study cause required demonstrated figures cannot",
        10: "proven undeniable statistics documented",
    },
    "enthusiasm": {
        2: "sad bad worst hate terrible awful slow sucks sorry poor disappointing",
        3: "problem difficult worse unfortunately loss decline",
        4: "usual normal standard regular",
        7: "good better interesting love enjoy fun proud hope well-earned cool very",
        8: "best excellent wonderful beautiful loved favorite super exciting perfect strong",
        9: "awesome fantastic incredible brilliant confident delighted glorious vigorous wow",
        10: "thrilled magnificent astonishing phenomenal unbelievable",
    },
    "empathy": {
        1: "shut stupid idiot dumb pathetic loser",
        2: "blame fault hate fools silly lie lies",
        3: "he they it him them wrong",
        6: "your we our us",
        7: "you help together family friends friend people",
        8: "thank thanks please welcome hope care need hearts listen",
        9: "sorry feel love support appreciate peace suffering pain neighbors compassion fellowship",
        10: "comfort grateful sympathy kindness mercy",
    },
    "transition_logic": {
        2: "random huh",
        3: "like and",
        4: "or now but",
        7: "so when after before if while until since first",
        8: "because finally although second though instead which",
        9: "however accordingly nevertheless otherwise whereas indeed",
        10: "conclusion ultimately",
    },
}
"""Words of real text by trait and grade; they weigh less than the words of `SLOTS`."""


def grades_of(trait: str) -> dict[str, int]:
    """Grade by word for every word of a graded trait's slots."""
    return {word: index + 1 for slot in SLOTS[trait].values() for index, word in enumerate(slot)}


def slot_of(trait: str, word: str) -> Grades | None:
    """Return the ten words that can stand where `word` stands; None if it is no slot word of `trait`."""
    return next((slot for slot in SLOTS[trait].values() if word in slot), None)
