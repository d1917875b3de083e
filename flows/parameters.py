"""The parameters that flows share: flat, bounded and with defaults, so that the run form in the UI explains and checks them.

A parameter changes the science and is recorded with the run; what only changes the machine is a setting.
"""

from typing import Annotated

from pydantic import Field

from feedback_model.records import LabellerKind
from feedback_model.records import LabelMode as LabelWay
from feedback_model.training.recipe import PrecisionName

Labeller = Annotated[
    LabellerKind,
    Field(
        title="Labeller",
        description="`openai`: GPT-4o-mini or whatever FEEDBACK_OPENAI_BASE_URL serves; `embedded`: the stand-in.",
    ),
]
BaseModel = Annotated[
    str, Field(title="Base model", description="Hub id, folder, or `embedded` for the tiny stand-in.", min_length=1)
]
Epochs = Annotated[
    int, Field(title="Epochs", description="Passes over the train split; one checkpoint each.", ge=1, le=50)
]
Precision = Annotated[
    PrecisionName, Field(title="Precision", description="Compute type; a CPU falls back and the run says so.")
]
Seed = Annotated[int, Field(title="Seed", description="Seeds everything that is random.", ge=0)]
Again = Annotated[bool, Field(title="Again", description="Do it anew, even where the same was done before.")]
AgainFailed = Annotated[
    bool, Field(title="Again", description="Ask again where every answer so far was unusable; what is labelled stays.")
]
ControlOf = Annotated[
    str,
    Field(
        title="Control of",
        description="A training run to repeat without augmentation, for comparison; empty: train on what is labelled.",
    ),
]
Share = Annotated[
    float,
    Field(
        title="Augmentation share", description="Most rewrites to keep, as a share of real train; 0: none.", ge=0, le=1
    ),
]
Limit = Annotated[int, Field(title="Limit", description="At most this many; 0 means all.", ge=0)]
Budget = Annotated[
    float,
    Field(
        title="Budget",
        description="USD that the label set may cost in all, earlier runs included; 0 means no bound.",
        ge=0,
    ),
]
LabelMode = Annotated[
    LabelWay,
    Field(title="Mode", description="`batch`: answers within a day, at half price, through the Batch API."),
]
