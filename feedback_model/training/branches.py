"""Branches: each trait asked about on its own behind one prompt, so that all six scores are read in a single pass.

A branch begins an answer with its trait, as a JSON object of that trait alone, up to where the score stands. The distribution of
the ten scores is read there off the next token's, exactly also where a tokenizer spells 10 with two tokens and shares the first
one with 1. The branches of a prompt make a tree of tokens, each of which sees its ancestors and the prompt.
"""
# pyright: basic

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from feedback_model.errors import CannotBeAsked
from feedback_model.feedback import Feedback
from feedback_model.traits import SCORES, TRAIT_KEYS

if TYPE_CHECKING:
    from torch import Tensor

ROOT: Final = -1
"""Parent of a tree's first tokens: the end of the prompt."""
EXPLAINED: Final = 2
"""Branches of an example that go on to the explanation; the traits take turns, since all six would double what is read."""

Encode = Callable[[Sequence[str]], list[list[int]]]
"""Turns texts into token ids in which special tokens are characters like any others."""


@dataclass(frozen=True)
class TokenTree:
    """Tokens that follow one prompt along several ways."""

    ids: tuple[int, ...]
    parents: tuple[int, ...]
    """Index of the token before each in the tree, smaller than its own; `ROOT` before the first of a way."""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Places of the tokens, counted from the prompt's end."""
        found: list[int] = []
        for parent in self.parents:
            found.append(0 if parent == ROOT else found[parent] + 1)
        return tuple(found)

    def grown(self, ids: Sequence[int], at: int) -> "TokenTree":
        """Return the tree with a way of `ids` that goes on from the token `at`."""
        parents = [at, *range(len(self), len(self) + len(ids) - 1)][: len(ids)]
        return TokenTree(self.ids + tuple(ids), self.parents + tuple(parents))


NOTHING: Final = TokenTree((), ())


def ancestors(parents: Sequence[int]) -> "Tensor":
    """(n, n) of which token of a tree sees which: its ancestors and itself."""
    import torch

    seen = torch.eye(len(parents), dtype=torch.bool)
    for token, parent in enumerate(parents):
        if parent != ROOT:
            seen[token] |= seen[parent]
    return seen


@dataclass(frozen=True)
class ScoreSpelling:
    """How a tokenizer spells the ten scores where they stand in an answer."""

    spellings: tuple[tuple[int, ...], ...]
    """Tokens of each score, one or two."""
    following: int
    """First token after a score."""

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Tokens that a score may begin with."""
        return tuple(dict.fromkeys(spelling[0] for spelling in self.spellings))

    @cached_property
    def open(self) -> tuple[int, ...]:
        """First tokens after which a score may go on."""
        return tuple(dict.fromkeys(spelling[0] for spelling in self.spellings if len(spelling) == 2))

    def second(self, token: int) -> tuple[int, ...]:
        """Tokens that may follow the first token of a score: the rest of a longer one, or what follows a score."""
        return tuple(
            self.following if len(spelling) == 1 else spelling[1] for spelling in self.spellings if spelling[0] == token
        )

    def log_probabilities(self, first: "Tensor", second: "Sequence[Tensor]") -> "Tensor":
        """(n, 10) of the scores, by the chances of their tokens among those that may stand there.

        Args:
            first: (n, tokens in `first`) logits where a score begins.
            second: for each token in `open`, (n, tokens that may follow it) logits behind it.
        """
        import torch

        begun = torch.log_softmax(first, -1)
        followed = {token: torch.log_softmax(logits, -1) for token, logits in zip(self.open, second, strict=True)}
        columns = []
        for spelling in self.spellings:
            column = begun[:, self.first.index(spelling[0])]
            if spelling[0] in followed:
                rest = self.following if len(spelling) == 1 else spelling[1]
                column = column + followed[spelling[0]][:, self.second(spelling[0]).index(rest)]
            columns.append(column)
        return torch.stack(columns, -1)


@dataclass(frozen=True, slots=True)
class Branch:
    """Tokens that ask for one trait, and those around its explanation."""

    opening: tuple[int, ...]
    """Up to where the score stands."""
    middle: tuple[int, ...]
    """From the score to where the explanation stands."""


@dataclass(frozen=True, slots=True)
class Branches:
    """The ways behind a prompt on which each trait is asked for, in their order."""

    traits: tuple[Branch, ...]
    spelling: ScoreSpelling

    def ask(self) -> "AskedTree":
        """Return the tree that reads all scores in one pass."""
        tree, begun, behind = NOTHING, [], []
        for branch in self.traits:
            tree = tree.grown(branch.opening, ROOT)
            begun.append(len(tree) - 1)
            behind.append(tuple(len(tree) + at for at in range(len(self.spelling.open))))
            for token in self.spelling.open:
                tree = tree.grown((token,), begun[-1])
        return AskedTree(tree, tuple(begun), tuple(behind))


@dataclass(frozen=True, slots=True)
class AskedTree:
    """A tree, and where in it the scores are read."""

    tree: TokenTree
    begun: tuple[int, ...]
    """By trait, the token after which its score begins."""
    behind: tuple[tuple[int, ...], ...]
    """By trait, the tokens with which a score has begun that may go on, as `ScoreSpelling.open` has them."""


def read_branches(encode: Encode) -> Branches:
    """Find out how a tokenizer writes the branches.

    Raises:
        CannotBeAsked: it does not write scores as one or two tokens of their own, the same for each trait.
    """
    found = [_cut_out(encode([_object(key, score, _STARTS[0]) for score in SCORES])) for key in TRAIT_KEYS]
    spelling = found[0][1]
    if any(other != spelling for _, other in found) or any(len(each) > 2 for each in spelling.spellings):
        raise CannotBeAsked(f"the base model's tokenizer does not spell scores alike everywhere; {WAY_ON}")
    begun = len(found[0][0]) + len(spelling.spellings[0])
    started = encode([_object(TRAIT_KEYS[0], SCORES[0], start) for start in _STARTS])
    middle = tuple(_common([ids[begun:] for ids in started]))
    return Branches(tuple(Branch(opening, middle) for opening, _ in found), spelling)


WAY_ON: Final = "use --decoding free"
_STARTS: Final = ("Weak case.", "no case", "A case")
"""Explanations that begin differently."""


def _object(key: str, score: int, explanation: str) -> str:
    return json.dumps({key: {"score": score, "explanation": explanation}}, ensure_ascii=False)


def _cut_out(spelled: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ScoreSpelling]:
    """Cut what differs out of ten answers that differ in the score alone."""
    opening = len(_common(spelled))
    closing = len(_common([list(reversed(ids[opening:])) for ids in spelled]))
    pieces = tuple(tuple(ids[opening : len(ids) - closing]) for ids in spelled)
    if not opening or not closing or not all(pieces) or len(set(pieces)) < len(pieces):
        raise CannotBeAsked(f"the base model's tokenizer does not write scores as tokens of their own; {WAY_ON}")
    return tuple(spelled[0][:opening]), ScoreSpelling(pieces, spelled[0][len(spelled[0]) - closing])


def _common(several: Sequence[Sequence[int]]) -> list[int]:
    """Return what all sequences begin with."""
    return [ids[0] for ids in takewhile(lambda ids: len(set(ids)) == 1, zip(*several, strict=False))]


@dataclass(frozen=True, slots=True)
class TaughtTree:
    """A tree with what is taught in it: each token that has a target, and by trait the score that is meant."""

    asked: AskedTree
    tree: TokenTree
    """The asked tree, grown by the answers."""
    predicts: tuple[int, ...]
    """Tokens whose next one is taught."""
    targets: tuple[int, ...]
    scores: tuple[float, ...]
    """What the expected scores are compared with."""


def teach(
    branches: Branches, feedback: Feedback, encode: Encode, turn: int, expected: tuple[float, ...] | None = None
) -> TaughtTree:
    """Return the tree that teaches `feedback`, with the explanations of `EXPLAINED` traits.

    Args:
        turn: which traits' turn it is; the number of the example.
        expected: by trait, the mean of what the labeller held likely; None: it told its scores alone.
    """
    asked = branches.ask()
    tree, predicts, targets = asked.tree, [], []
    explained = {(turn * EXPLAINED + at) % len(TRAIT_KEYS) for at in range(EXPLAINED)}
    wholes = encode([_object(key, *trait) for key, trait in zip(TRAIT_KEYS, feedback.traits, strict=True)])
    for number, (branch, whole) in enumerate(zip(branches.traits, wholes, strict=True)):
        score = branches.spelling.spellings[feedback.traits[number].score - 1]
        taught = whole[len(branch.opening) :]
        taught = taught if number in explained else taught[: len(score) + 1]
        tree, ways = _grow(tree, taught, asked.begun[number])
        predicts += ways
        targets += taught
    scores = expected or tuple(float(trait.score) for trait in feedback.traits)
    return TaughtTree(asked, tree, tuple(predicts), tuple(targets), scores)


def _grow(tree: TokenTree, taught: Sequence[int], at: int) -> tuple[TokenTree, list[int]]:
    """Let what is taught go on from `at`; its last token is only a target."""
    grown = tree.grown(taught[:-1], at)
    return grown, [at, *range(len(tree), len(grown))]


def expectation(log_probabilities: "Tensor") -> "Tensor":
    """(n,) mean scores of log probabilities (n, 10)."""
    import torch

    return log_probabilities.exp() @ torch.tensor([float(score) for score in SCORES], device=log_probabilities.device)
