"""Sentences that tell every reader of a figure which parts of it were the demo's."""

from eval.report.data import Cell

DEMO_LABEL_MODELS = "embedded-rubric-"
"""What the name of every version of the demo labeller begins with."""

_DEMO_LABELS_NOTICE = (
    "The labels were not made by a language model but by the demo labeller ({name}), weighted counts of words and marks "
    "that were fitted to people's scores of other texts: figures say how well the models learned these counts."
)

DEMO_BASE_NOTICE = (
    "The base is the demo model, a Qwen2-shaped model of about 210,000 parameters, pretrained on this machine on synthetic "
    "transcripts whose notes spell the level of each trait in words, some under the answer's own keys but never as a "
    "digit, and on chats in the feedback format that quote their transcript but have the scores of another; the prompt's "
    "lines and the JSON's fixed pieces are single tokens. It has therefore learned to read the traits and to write the "
    "format, but not which score belongs to which transcript: what it shows is that the loop works, not how well a real "
    "model would do."
)


def demo_notices(label_model: Cell, *, demo_base: bool) -> tuple[str, ...]:
    """List a sentence for each part that was the demo's; nothing where all was real.

    Args:
        demo_base: any of the models is built on the demo's base.
    """
    labels = _DEMO_LABELS_NOTICE.format(name=label_model)
    notices = ((str(label_model).startswith(DEMO_LABEL_MODELS), labels), (demo_base, DEMO_BASE_NOTICE))
    return tuple(sentence for applies, sentence in notices if applies)
