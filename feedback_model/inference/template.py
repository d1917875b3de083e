"""Template decoding: the JSON of an answer is given, its scores are read, its explanations written, all six side by side.

Each explanation is decoded behind its own trait's score, in a branch of the prompt, so a whole answer takes as many steps as its
longest explanation. The answer is put together from the parts, so it is valid whatever the model says.
"""
# pyright: basic

import json
import re
import time
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.inference.direct import ReadScores, ScoreReader, as_distributions
from feedback_model.inference.forward import FusedForward
from feedback_model.inference.generator import Output
from feedback_model.inference.key_values import KeyValueCache
from feedback_model.inference.prompts import PromptReader, rows_that_fit, rows_to_read
from feedback_model.progress import check_stop
from feedback_model.records.scores import ScoreDistribution
from feedback_model.training.branches import Branches, ancestors
from feedback_model.traits import TRAIT_KEYS

AT_ONCE: Final = {"cpu": 16, "cuda": 128}
"""Chats answered side by side, six branches each."""
CANDIDATES: Final = 64
"""Most likely tokens that an explanation may begin with; it may not be empty."""
_HALF_ESCAPE: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$")
"""What a limit leaves of an escape, and the whole backslashes before it."""
SILENCE: Final = "-"
"""Explanation of a model that has no word for one."""


class ExplanationTokens:
    """What tokens mean inside an explanation: their text, and whether it ends there."""

    def __init__(self, tokenizer: Any, end_ids: frozenset[int]) -> None:
        self._tokenizer, self._end_ids = tokenizer, end_ids
        self._known: dict[int, str] = {}

    def text(self, token: int) -> str:
        """Return the text of one token, as far as it is told without its neighbours."""
        if token not in self._known:
            self._known[token] = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        return self._known[token]

    def begins(self, token: int) -> bool:
        """Tell whether an explanation can begin with a token: it says something before it ends."""
        return token not in self._end_ids and bool(self.text(token).partition('"')[0].strip(" \\"))

    def ends(self, ids: Sequence[int]) -> bool:
        """Tell whether an explanation ends with the last of its tokens."""
        if ids[-1] in self._end_ids:
            return True
        return '"' in self.text(ids[-1]) and _closing_quote(self.whole(ids)) is not None

    def whole(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, the ending one's included."""
        kept = ids[:-1] if ids and ids[-1] in self._end_ids else ids
        return self._tokenizer.decode(list(kept), skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def explanation(self, ids: Sequence[int]) -> str:
        """Return what the tokens say, up to the quote that ends it."""
        text = self.whole(ids)
        end = _closing_quote(text)
        return unescape(_HALF_ESCAPE.sub(r"\1", text) if end is None else text[:end]) or SILENCE


def _closing_quote(text: str) -> int | None:
    """Find the first quote that no backslash escapes."""
    escaped = False
    for at, character in enumerate(text):
        if character == '"' and not escaped:
            return at
        escaped = character == "\\" and not escaped
    return None


def unescape(text: str) -> str:
    """Read the inside of a JSON string; of one that is none, the words without its backslashes."""
    try:
        said = json.loads(f'"{text}"', strict=False)
        said.encode()
    except ValueError:  # an escape that does not exist, or half a character
        said = text.replace("\\", "").encode("utf-8", "replace").decode()
    return said.strip()


class TemplateGenerator:
    """Asks one model for answers whose form is given."""

    def __init__(
        self,
        forward: FusedForward,
        prompts: PromptReader,
        branches: Branches,
        tokens: ExplanationTokens,
        max_new_tokens: int,
        room: int,
    ) -> None:
        self._forward, self._prompts, self._branches, self._tokens = forward, prompts, branches, tokens
        self._scores, self._room = ScoreReader(forward, branches), room
        self._limit = max(1, max_new_tokens // len(TRAIT_KEYS))
        self._begun = max(map(len, branches.spelling.spellings)) + len(branches.traits[0].middle)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each prompt."""
        return [len(ids) for ids in self._prompts.encode(texts)[0]]

    @torch.inference_mode()
    def generate(self, texts: Sequence[str]) -> list[Output]:
        """Return the outputs on `texts`, in their order."""
        started = time.perf_counter()
        prompts = self._prompts.read(texts)
        spare = len(TRAIT_KEYS) * (self._begun + self._limit)
        width = prompts.longest + len(self._scores.asked.tree)
        most = min(AT_ONCE[self._forward.device.type], rows_to_read(width))
        at_once = rows_that_fit(self._forward, width + spare, most, self._room)
        found: list[tuple[tuple[ScoreDistribution, ...], list[list[int]]]] = []
        for start in range(0, len(texts), at_once):
            rows = range(start, min(start + at_once, len(texts)))
            found += self._answer(self._scores.read(prompts, rows, spare), prompts.n_prefix)
        seconds = (time.perf_counter() - started) / len(texts)
        return [self._output(*each, seconds, at in prompts.cut) for at, each in enumerate(found)]

    def _output(
        self, distributions: tuple[ScoreDistribution, ...], said: list[list[int]], seconds: float, truncated: bool
    ) -> Output:
        traits = zip(distributions, said, strict=True)
        feedback = Feedback(tuple(TraitFeedback(each.score, self._tokens.explanation(ids)) for each, ids in traits))
        raw = render_feedback(feedback).encode()
        return Output(raw, "stop", sum(map(len, said)), seconds, truncated, distributions)

    def _answer(self, read: ReadScores, n_prefix: int) -> list[tuple[tuple[ScoreDistribution, ...], list[list[int]]]]:
        """Write the explanations behind the scores that were read."""
        distributions = [as_distributions(each) for each in read.probabilities]
        writing = _Writing(self._forward, read, n_prefix, self._scores)
        hidden = writing.begin([self._beginnings([each.score for each in one]) for one in distributions])
        said: list[list[list[int]]] = [[[] for _ in TRAIT_KEYS] for _ in distributions]
        open_rows = list(range(len(said)))
        following = self._first_tokens(hidden)
        for step in range(self._limit):
            check_stop()
            self._add(said, open_rows, following)
            still = [at for at, row in enumerate(open_rows) if not all(map(self._tokens.ends, said[row]))]
            if not still or step == self._limit - 1:
                break
            if len(still) <= len(open_rows) // 2:
                writing.keep(still)
                following, open_rows = [following[at] for at in still], [open_rows[at] for at in still]
            hidden = writing.step(following)
            following = self._forward.most_likely(hidden.flatten(0, 1)).view(hidden.shape[:2]).tolist()
        return list(zip(distributions, said, strict=True))

    def _beginnings(self, scores: Sequence[int]) -> list[list[int]]:
        """Tokens between where each score stands and where its explanation begins."""
        spellings = self._branches.spelling.spellings
        return [
            [*spellings[score - 1], *branch.middle] for score, branch in zip(scores, self._branches.traits, strict=True)
        ]

    def _add(self, said: list[list[list[int]]], rows: Sequence[int], following: Sequence[Sequence[int]]) -> None:
        """Add the next token of each branch that has not ended."""
        for row, tokens in zip(rows, following, strict=True):
            for ids, token in zip(said[row], tokens, strict=True):
                if not ids or not self._tokens.ends(ids):
                    ids.append(token)

    def _first_tokens(self, hidden: Tensor) -> list[list[int]]:
        """Tokens that the explanations begin with: the likeliest that say something."""
        rows, branches, size = hidden.shape
        likely = self._forward.logits(hidden.reshape(-1, size)).float().topk(CANDIDATES).indices.tolist()
        first = [next((token for token in each if self._tokens.begins(token)), each[0]) for each in likely]
        return [first[at : at + branches] for at in range(0, rows * branches, branches)]


class _Writing:
    """Six branches behind each of some prompts, and which slots each of them sees."""

    def __init__(self, forward: FusedForward, read: ReadScores, n_prefix: int, scores: ScoreReader) -> None:
        self._forward, self._cache, tree = forward, read.cache, scores.asked.tree
        self._branches, self._used = len(scores.asked.begun), read.asked_at + len(tree)
        depths = torch.tensor([tree.depths[at] for at in scores.asked.begun], device=forward.device)
        self._next = read.lengths.unsqueeze(1) + depths + 1 + n_prefix
        self._seen = torch.zeros(
            len(read.lengths), self._branches, read.cache.slots, dtype=torch.bool, device=forward.device
        )
        places = torch.arange(read.asked_at, device=forward.device)
        self._seen[:, :, : read.asked_at] = (places < read.lengths.unsqueeze(1)).unsqueeze(1)
        seen = ancestors(tree.parents)[list(scores.asked.begun)]
        self._seen[:, :, read.asked_at : self._used] = seen.to(forward.device)

    def begin(self, beginnings: Sequence[Sequence[Sequence[int]]]) -> Tensor:
        """Read what stands before each explanation; returns the last states (rows, branches, hidden size)."""
        device, rows = self._forward.device, len(beginnings)
        lengths = torch.tensor([[len(ids) for ids in row] for row in beginnings], device=device)
        width = int(lengths.max())
        ids = torch.tensor([[[*ids, *[0] * (width - len(ids))] for ids in row] for row in beginnings], device=device)
        places = torch.arange(width, device=device)
        slots = self._used + torch.arange(self._branches * width, device=device).view(self._branches, width)
        n, used = self._branches * width, self._used + self._branches * width
        seen = self._seen[:, :, :used].unsqueeze(2).expand(-1, -1, width, -1).clone()
        for branch in range(self._branches):
            own = slice(self._used + branch * width, self._used + (branch + 1) * width)
            seen[:, branch, :, own] = places <= places.unsqueeze(1)
            self._seen[:, branch, own] = places < lengths[:, branch].unsqueeze(1)
        positions = (self._next.unsqueeze(-1) + places).view(rows, n)
        flat = slots.view(1, n).expand(rows, -1)
        hidden = self._forward(self._cache, ids.view(rows, n), positions, flat, seen.view(rows, n, used))
        self._used, self._next = used, self._next + lengths
        last = (lengths - 1).unsqueeze(-1).unsqueeze(-1).expand(-1, -1, -1, hidden.shape[-1])
        return hidden.view(rows, self._branches, width, -1).gather(2, last).squeeze(2)

    def step(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read one token of each branch; returns the states (rows, branches, hidden size)."""
        device = self._forward.device
        places = torch.arange(self._used, self._used + self._branches, device=device)
        self._seen[:, torch.arange(self._branches, device=device), places] = True
        self._used += self._branches
        ids = torch.tensor(tokens, device=device)
        slots = places.expand(len(ids), -1)
        hidden = self._forward(self._cache, ids, self._next, slots, self._seen[:, :, : self._used])
        self._next = self._next + 1
        return hidden

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some rows alone."""
        kept = torch.tensor(rows, device=self._forward.device)
        self._cache: KeyValueCache = self._cache.rows(kept)
        self._seen, self._next = self._seen[kept], self._next[kept]
