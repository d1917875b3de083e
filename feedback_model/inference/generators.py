"""Generators by way of decoding."""
# pyright: basic

from typing import Any, Final

from feedback_model.errors import CannotBeAsked
from feedback_model.inference.direct import DirectGenerator, ScoreReader
from feedback_model.inference.forward import FusedForward
from feedback_model.inference.free import FreeGenerator
from feedback_model.inference.generator import Generator
from feedback_model.inference.prompts import PromptReader
from feedback_model.inference.reference import ReferenceGenerator, end_tokens
from feedback_model.inference.side_by_side import SideBySide
from feedback_model.inference.template import ExplanationTokens, TemplateGenerator
from feedback_model.records.evaluation import Decoding
from feedback_model.training.encoding import LONGEST_PROMPT, ChatEncoder
from feedback_model.training.lanes import lanes_of

ROOM: Final = 1_500_000_000
"""Bytes of keys and values at most, of all texts that are asked about at once."""


def make_generator(
    decoding: Decoding, forward: FusedForward | None, weights: Any, tokenizer: Any, max_new_tokens: int
) -> Generator:
    """Return what asks a loaded model.

    Args:
        forward: its fast forward pass, which knows no window of attention; None where it has none. Else the library writes its
            answers.

    Raises:
        CannotBeAsked: the model cannot be asked that way.
    """
    if forward is None or (forward.reads or LONGEST_PROMPT + max_new_tokens) < LONGEST_PROMPT + max_new_tokens:
        if decoding == "free":
            return ReferenceGenerator(weights, tokenizer, max_new_tokens)
        raise CannotBeAsked(
            f"this base model computes in a way of its own, so {decoding} cannot ask it; use --decoding free"
        )
    encoder, lanes = ChatEncoder(tokenizer), lanes_of(forward.device.type)
    end_ids = end_tokens(weights, encoder)
    reader = PromptReader(forward, encoder, weights.config.max_position_embeddings, max_new_tokens)
    if decoding == "free":
        generator = FreeGenerator(forward, reader, tokenizer, end_ids, max_new_tokens, ROOM // lanes)
    elif decoding == "direct":
        generator = DirectGenerator(reader, ScoreReader(forward, encoder.branches))
    else:
        tokens = ExplanationTokens(tokenizer, end_ids)
        generator = TemplateGenerator(forward, reader, encoder.branches, tokens, max_new_tokens, ROOM // lanes)
    return SideBySide(generator, lanes)
