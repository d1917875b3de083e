"""Closed lists of words and phrases that the offline labeller looks for, by what they do in a text.

English alone, lower case, apostrophes straight. A word may stand in several lists. Knows no trait and no score.
"""

from typing import Final


def split_entries(text: str) -> tuple[str, ...]:
    """Split at commas: entries may hold spaces."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


FILLER_WEIGHTS: Final[dict[str, float]] = {
    entry: weight
    for weight, entries in (
        (1.0, "um, uh, er, erm, uhm, umm, uhh, hmm, mm, mm-hmm, uh-huh, um-hum, mhm, huh, ah, eh"),
        (0.8, "you know, i mean, sort of, kind of, or something, or whatever, and stuff"),
        (0.6, "basically, literally, kinda, sorta, y'know, yeah, i guess, like, let me see"),
        (0.4, "well, okay, ok, anyway, actually, oh, alright"),
        (0.2, "just, really, honestly, obviously"),
    )
    for entry in split_entries(entries)
}
"""Filler to its weight: 1 is a bare hesitation, 0.2 a word that mostly has a meaning."""

DETERMINERS: Final = frozenset(
    split_entries(
        "the, a, an, this, that, these, what, which, some, any, every, each, same, other, another, all, one, no"
    )
)
"""Words after which `kind of` means a kind of something, and ER a ward."""
CARING: Final = frozenset(
    split_entries(
        "care, cares, caring, sorry, love, support, sympathy, sympathize, empathy, compassion, appreciate, "
        "respect, listen"
    )
)
"""Words that say the opposite where they are denied."""

LISTS: Final[dict[str, tuple[str, ...]]] = {
    "slang": split_entries(
        "gonna, wanna, gotta, lemme, gimme, dunno, kinda, sorta, outta, lotta, ain't, y'all, ya, yo, cuz, cos, "
        "coz, 'cause, bro, bros, dude, dudes, buddy, lol, omg, lmao, rofl, wtf, btw, imo, idk, tbh, ur, plz, pls, "
        "thx, gf, bf, sux, wat, wut, nah, nope, yep, yup, yeah, yea, hey, heck, freaking, freakin, crap, crappy, "
        "damn, darn, hell, shit, fuck, fucking, fucked, ass, bitch, bullshit, sucks, suck, sucked, dumb, stupid, "
        "crazy, awesome, weird, cool, chill, jerk, moron, loser, whatever, oops, ugh, eww, haha, hahaha, hehe, xd, "
        "aint, dont, cant, wont, im, ive, doesnt, didnt, isnt, wouldnt, couldnt, thats, youre, theyre, alot, kid, "
        "gal, chick, grab, hang out, screw, screwed, sorta like, no way, come on, big deal, what's up, you guys, "
        "shut up, ok, okay, hi, bye, wow, pic, pics, mom, dad, duh, geez, jeez, meh, yikes, yay, hooray, dang, "
        "pissed, butt"
    ),
    "casual": split_entries(
        "guy, guys, stuff, thing, things, a lot, lots, lot, kids, get, gets, got, getting, gotten, really, "
        "pretty, just, like, big, huge, bunch, a bunch, super, totally, maybe, anyway, anyways, bit, a bit, "
        "sort of, kind of, you know, i mean, i guess, right, sure, fun, nice, good luck, good, bad, go, goes, "
        "going, went, put, try, want, look, looking, check out, figure out, find out, end up, hopefully, "
        "love, hate, well, oh, hello, thanks, sorry, anybody, somebody, everybody, nobody, gave, give, let, "
        "lets, let's, make sure, too, think, someone, something, anything"
    ),
    "formal": split_entries(
        "regarding, concerning, pursuant, upon, shall, whom, whose, thus, hence, therefore, thereby, therein, "
        "thereof, whereby, wherein, whereas, herein, hereby, furthermore, moreover, nevertheless, "
        "nonetheless, notwithstanding, accordingly, consequently, subsequently, prior, previous, provide, "
        "provided, require, required, requires, obtain, acquire, commence, terminate, conclude, constitute, "
        "demonstrate, indicate, indicated, establish, established, facilitate, implement, utilize, ensure, "
        "maintain, determine, examine, evaluate, assess, consider, considered, receive, respective, "
        "respectively, significant, substantial, sufficient, additional, appropriate, numerous, various, "
        "certain, several, primary, principal, essential, fundamental, considerable, within, among, amid, "
        "per, via, such, which, including, according, due, in order to, as well as, in addition, with respect "
        "to, in accordance with, on behalf of, ladies and gentlemen, distinguished, honorable, colleagues, "
        "members, citizens, sir, madam, sincerely, respectfully, gratitude, grateful, appreciate, residents, "
        "individuals, committee, council, report, reported, policy, administration, authority, officials, "
        "government, federal, legislation, revenue, percent, approximately, analysis, estimated, announced, "
        "proposed, recommend, recommendation"
    ),
    "hedge": split_entries(
        "maybe, perhaps, possibly, probably, might, seems, seem, somewhat, somehow, apparently, supposedly, i "
        "guess, i think, i suppose, i believe, kind of, sort of, i'm not sure, not sure, i don't know, dunno, "
        "guess, in my opinion, to some extent, more or less, or something, i feel like, who knows, hard to say"
    ),
    "obligation": split_entries(
        "must, should, ought, need to, needs to, have to, has to, cannot, clearly, undoubtedly, of course, no "
        "doubt, it is time, let us, i urge, i ask you"
    ),
    "reason": split_entries(
        "because, since, therefore, thus, hence, reason, reasons, so that, due to, as a result, consequently, "
        "leads to, lead to, led to, means that, that is why, that's why, which means, in order to, result, "
        "results, cause, causes, caused, effect, effects, prevents, prevent, purpose"
    ),
    "support": split_entries(
        "study, studies, research, researchers, data, evidence, percent, according to, statistics, survey, "
        "surveys, for example, for instance, such as, experts, expert, scientists, shown, shows, proven, proof, "
        "prove, proves, in fact, figures, million, billion, university, found that"
    ),
    "contrast": split_entries(
        "but, however, although, though, even though, while, whereas, yet, instead, rather, despite, in spite "
        "of, still, nevertheless, nonetheless, on the other hand, on the contrary, in contrast, except, "
        "unlike, even if, at least"
    ),
    "addition": split_entries(
        "also, in addition, additionally, furthermore, moreover, besides, as well, not only, likewise, "
        "similarly, again, another, too, plus, equally, and also, what is more, above all, both"
    ),
    "sequence": split_entries(
        "first, firstly, first of all, second, secondly, third, thirdly, next, then, finally, lastly, "
        "afterwards, later, meanwhile, before, after, in the end, in conclusion, to conclude, to sum up, in "
        "summary, overall, to begin with, at first, until, once, when, as soon as, eventually, so far, now, "
        "today, that brings, let me turn, to start, which brings, to finish, step, one reason, another "
        "reason, for one thing"
    ),
    "consequence": split_entries(
        "therefore, thus, hence, consequently, as a result, accordingly, so that, for this reason, that is "
        "why, that's why, because of this, which means, which is why, in turn, because, since, this means, "
        "that means, and so"
    ),
    "self": split_entries("i, me, my, mine, myself, i'm, i've, i'd, i'll, im, ive"),
    "address": split_entries("you, your, yours, yourself, yourselves, you're, you've, you'd, you'll, u, ur"),
    "collective": split_entries(
        "we, us, our, ours, ourselves, we're, we've, we'd, we'll, let's, together, everyone, everybody"
    ),
    "others": split_entries(
        "he, him, his, she, her, hers, they, them, their, theirs, themselves, someone, others, person, "
        "people, man, woman, child, children, family, families, mother, father, parents, son, daughter, "
        "friend, friends, kids, baby, neighbors, wife, husband, brother, sister, lives, life, humans, human "
        "beings, animals, homes, neighbor, victims, victim, patients, community, loved ones"
    ),
    "feeling": split_entries(
        "feel, feels, feeling, feelings, felt, heart, hearts, heartbreaking, heartbroken, sad, sadness, "
        "sadly, saddens, saddened, sorry, grief, grieve, mourn, tears, cry, crying, upset, upsetting, worry, "
        "worried, worries, afraid, scared, scary, fear, fears, frightened, lonely, alone, hurt, hurts, "
        "hurting, pain, painful, suffer, suffers, suffering, suffered, struggle, struggles, struggling, "
        "tough, hard, difficult, devastating, devastated, tragic, tragedy, terrible, horrible, awful, "
        "horrific, poor, hope, hopes, imagine, empathy, compassion, sympathy, sympathize, understand, care, "
        "cares, caring, love, loved, loss, lost, losing, miss, die, died, dying, death, killed, dead, deaths, "
        "harm, harmed, violence, heartfelt, shocking, disturbing, cruel, unfair, innocent, helpless, "
        "desperate, stress, stressed, exhausted, depressed, depression, anxiety, anxious, ashamed, proud, "
        "glad, happy, relieved, touched, moved, dignity, comfort"
    ),
    "warmth": split_entries(
        "thank, thanks, thank you, please, appreciate, welcome, congratulations, glad to, dear, friends, "
        "friend, together, support, supporting, help, helped, helping, kind, kindness, gentle, patience, "
        "patient, listen, listening, hear you, i hear, i understand, i see why, i'm sorry, i am sorry, so "
        "sorry, take care, take your time, take a breath, are you okay, are you ok, here for you, no worries, "
        "how are you, i know how, i can imagine, it must be, must have been, makes sense, you're not alone, "
        "you are not alone, with you, your feelings, thoughtful, blessed, bless, grateful, forgive, hug, love "
        "you, well done, good for you, my heart, hearts go out, prayers, generous, peace, mercy, neighbors, "
        "honor, honored, respect, share, shared, encourage, reassure, welcome you, good job"
    ),
    "cold": split_entries(
        "stupid, idiot, idiots, idiotic, dumb, moron, morons, fool, fools, pathetic, loser, losers, shut up, "
        "who cares, i don't care, don't care, doesn't matter, your fault, your problem, not my problem, "
        "blame, ridiculous, nonsense, disgusting, disgrace, hate, hates, liar, liars, lie, lies, trash, "
        "garbage, worthless, lazy, whining, whine, complain, complaining, deal with it, get over it, own "
        "fault, nobody cares, hate you, wasting my time, you are wrong, you're wrong, only a dog, too bad, "
        "toughen up, deserve it, deserved it, crap, bullshit, ignorant, overreacting, grow up, silly, "
        "should have known, serves you right, move on, nobody asked, not interested, stop whining, crybaby"
    ),
    "detached": split_entries(
        "i don't, i do not, i'm not, i am not, i won't, i wouldn't, i can't, i didn't, i guess, i suppose, "
        "not sure, don't know, don't care, doesn't matter, whatever, nothing to do with, not my, anyone "
        "could, it's not like, there is no, i doubt, seems"
    ),
    "excited": split_entries(
        "excited, exciting, excitement, amazing, amazed, awesome, wow, love, loved, loves, loving, fantastic, "
        "incredible, incredibly, thrilled, thrilling, delighted, can't wait, cannot wait, wonderful, fun, "
        "great, best, brilliant, fabulous, spectacular, extraordinary, magnificent, phenomenal, beautiful, "
        "perfect, excellent, outstanding, superb, stunning, glorious, eager, passionate, passion, enjoy, "
        "enjoyed, enjoying, happy, joy, joyful, celebrate, celebration, win, won, winning, victory, success, "
        "yes, yay, hooray, cheers, absolutely, so much, hilarious, favorite, magical, dream, dreams, "
        "inspiring, inspired, unbelievable, astonishing, energy, energized, pumped, stoked, super, proud, "
        "glad, laugh, laughed, laughing, smile, bright, bold, alive, adventure, discover, ecstatic"
    ),
    "flat": split_entries(
        "boring, bored, dull, tired, bland, dreary, tedious, weary, usual, usually, ordinary, routine, i guess, "
        "fine, nothing new, not much, sigh, meh, so so, same as, as usual, somewhat, merely, acceptable, mundane, "
        "drab, numb, listless, sleepy, plain, monotonous, i suppose, no idea, don't care, not really, not "
        "bothered, not too bad, it's fine, no interest, same old"
    ),
}
"""List name to its entries; entries of several words are matched as phrases."""

CONTRACTION_ENDINGS: Final = ("n't", "'m", "'re", "'ll", "'ve", "'d")
"""Endings that make a word a contraction."""
CONTRACTIONS: Final = frozenset(
    split_entries("it's, that's, there's, what's, who's, he's, she's, let's, here's, how's, where's, one's, everyone's")
)
"""Contractions in 's, which no ending tells from a possessive."""
BOOSTERS: Final = frozenset(
    split_entries("so, such, too, very, really, extremely, incredibly, absolutely, totally, truly")
)
NEGATIONS: Final = frozenset(
    split_entries(
        "not, no, never, neither, nor, without, hardly, cannot, can't, don't, doesn't, didn't, isn't, wasn't, "
        "won't, ain't"
    )
)
FORMAL_ENDINGS: Final = (
    "tion", "tions", "sion", "sions", "ment", "ments", "ity", "ities", "ance", "ances", "ence", "ences", "ness", "ism",
    "ative", "ible", "ious", "eous", "ical", "ary", "ory", "ology", "ize", "ized", "ization",
)  # fmt: skip
"""Endings of nouns and adjectives taken from Latin, as formal registers like them."""
POINTING_OPENERS: Final = frozenset(
    split_entries("he, she, they, it, this, that, these, those, him, his, it's, that's, such")
)
"""Words that, at the start of a sentence, point at something said before."""
CONNECTING_OPENERS: Final = frozenset(
    split_entries(
        "and, but, so, because, then, therefore, however, also, or, yet, thus, instead, otherwise, moreover, "
        "furthermore"
    )
)
"""Words that, at the start of a sentence, tie it to the one before."""
LEADING_ON: Final = frozenset(
    split_entries(
        "first, second, third, next, there, here, now, finally, later, as, in, for, on, okay, ok, yeah, yes, "
        "no, well, right, you, let, thank"
    )
)
"""Words at the start of a sentence that lead on from the one before, or take the floor."""
PERSONS: Final[dict[str, str]] = {
    word: name
    for name, words in (
        ("I", "i, me, my, i'm, i've, i'd, i'll"),
        ("you", "you, your, you're, you've, you'll"),
        ("we", "we, us, our, we're, we've, we'll"),
        ("he", "he, him, his, he's"),
        ("she", "she, her, hers, she's"),
        ("they", "they, them, their, they're, they've"),
        ("it", "it, its, it's"),
        ("past", "was, were, had, did, didn't, wasn't"),
        ("present", "is, are, am, has, have, do, does, that's, don't, isn't"),
        ("future", "will, would, can, could, should, must, can't, won't"),
    )
    for word in split_entries(words)
}
"""Word to the person or tense it speaks in."""
PREPOSITIONS: Final = frozenset(
    split_entries("of, in, by, for, with, from, to, on, at, as, into, upon, under, between, through")
)
FUNCTION_WORDS: Final = frozenset(
    split_entries(
        "a, an, the, of, to, in, on, at, by, for, with, from, as, is, are, was, were, be, been, being, am, "
        "do, does, did, have, has, had, having, will, would, can, could, shall, should, may, might, must, "
        "and, or, but, if, than, that, this, these, those, there, here, it, its, it's, i, me, my, you, your, "
        "he, him, his, she, her, they, them, their, we, us, our, who, whom, which, what, when, where, how, "
        "why, not, no, so, too, very, just, also, then, into, out, up, down, over, about, all, any, some, "
        "each, one, two, more, most, much, many, other, only, own, same, such, don't, i'm, that's, you're, "
        "we're, they're, i've, we've, can't, didn't, doesn't, isn't, yeah, okay, um, uh, like, well, know, "
        "mean, get, got, go, going, think, say, said, because, really, thing, things, now, even, back, way, "
        "let, make"
    )
)
"""Words that carry no topic."""
UNTELLING: Final = frozenset(
    split_entries(
        "think, go, goes, going, went, want, look, looking, try, put, get, gets, got, getting, gotten, give, "
        "gave, let, lets, hate, love, good, bad, nice, sorry, thanks, someone, something, anything, somebody, "
        "anybody, too, big, well, oh, hello, right, sure, just, really, like, cause, effect, show, shown, "
        "result, results, great, best, hard, tough, better, which, within, several, including, such, via, "
        "per, due, various, certain, report, reported, television, seems, playstation, question, questions, station, "
        "mention"
    )
)
"""Listed words that are counted and never quoted: alone they convince no reader."""
