"""The one list of options: each is a field of the run form in the UI and an option of the command line, from one definition.

Flat, bounded and with defaults, so that form and command line explain and check them alike. A parameter changes the
science and is recorded with the run; what only changes the machine is a setting. Loads no Prefect.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

import typer
from annotated_types import MinLen
from pydantic import Field
from pydantic.fields import FieldInfo
from typer.models import OptionInfo

from feedback_model.records.evaluation import Decoding as DecodingName
from feedback_model.records.labels import LabellerKind
from feedback_model.records.labels import LabelMode as LabelWay
from feedback_model.training.recipe_options import RECIPE_OPTIONS

DEFAULT_LABELLER: Final[LabellerKind] = "openai"
DEFAULT_SHARE: Final = 0.1


def _option(
    title: str, description: str, *flags: str, minimum: float | None = None, maximum: float | None = None
) -> tuple[FieldInfo, OptionInfo]:
    """Define an option twice over: as a field of a form and as an option of a command."""
    field: FieldInfo = Field(title=title, description=description, ge=minimum, le=maximum)
    return field, typer.Option(*flags, help=description, min=minimum, max=maximum)


Inputs = Annotated[list[str], *_option("Inputs", "File or folder to land first; repeatable.", "--input")]
TextColumn = Annotated[
    str,
    *_option("Text column", "Column or field with the text; empty: `text`, or the only one that can be meant."),
]
SpeakerColumn = Annotated[
    str, *_option("Speaker column", "Column or field with the speaker; empty: `speaker`, or another name of it.")
]
Speaker = Annotated[
    str,
    *_option("Speaker", "Whose turns make a transcript: `all` together, `each` speaker's apart, or a speaker's name."),
]
Encoding = Annotated[
    str, *_option("Encoding", "Encoding of the texts, such as cp1252; empty: told by their bytes, and told you.")
]
Redact = Annotated[
    bool,
    *_option(
        "Redact",
        "Put words in the place of e-mail addresses, telephone and card numbers before anything is kept.",
        "--redact",
    ),
]
AtOnce = Annotated[
    bool,
    *_option("At once", "Retrain on what has landed, however little it is and at whatever hour."),
]
DryRun = Annotated[
    bool,
    *_option("Dry run", "Only say what would be deleted."),
]
Labeller = Annotated[
    LabellerKind,
    *_option(
        "Labeller",
        "Who labels: `openai` (GPT-4o-mini, or what FEEDBACK_OPENAI_BASE_URL serves), or `embedded`, the demo's.",
    ),
]
BaseModel = Annotated[
    str,
    MinLen(1),
    *_option(
        "Base model",
        "Model to fine-tune: a hub id, a folder, `smollm2` (real, small, no hub), or `embedded`, the demo's tiny one.",
    ),
]
Seed = Annotated[int, *_option("Seed", "Seeds everything that is random.", minimum=0, maximum=2**32 - 1)]
Again = Annotated[bool, *_option("Again", "Do it anew, even where the same was done before.", "--again")]
AgainFailed = Annotated[
    bool,
    *_option(
        "Again", "Ask again where answers were unusable or the endpoint refused; what is labelled stays.", "--again"
    ),
]
RunId = Annotated[str, *_option("Training run", "Training run to work on; empty: the latest.", "--run")]
EvaluationId = Annotated[str, *_option("Evaluation", "Evaluation to report on; empty: the latest.", "--evaluation")]
MaxNewTokens = Annotated[
    int,
    *_option(
        "Max new tokens",
        "Tokens after which a model's answer is cut; 0: FEEDBACK_MAX_NEW_TOKENS, or the longest label and a quarter more.",
        minimum=0,
        maximum=32_768,
    ),
]
Decodings = Annotated[
    DecodingName | Literal["every"],
    *_option(
        "Decoding",
        "How models are asked: `free` answers, `template` (valid by construction), `direct` (scores alone), or every way.",
    ),
]
Helping = Annotated[
    bool,
    *_option("Helping", "Begin at the end, and leave out what another host asks: as a second host does by itself."),
]
ControlOf = Annotated[
    str,
    *_option(
        "Control of",
        "A training run to repeat without augmentation, for comparison; empty: train on what is labelled.",
    ),
]
Share = Annotated[
    float,
    *_option("Augmentation share", "Most rewrites to keep, as a share of real train; 0: none.", minimum=0, maximum=1),
]
Limit = Annotated[int, *_option("Limit", "At most this many; 0 means all.", minimum=0)]
Budget = Annotated[
    float,
    *_option(
        "Budget",
        "USD that labels of this model and prompt may cost in all, earlier runs included; 0 means no bound.",
        minimum=0,
    ),
]
LabelMode = Annotated[
    LabelWay, *_option("Mode", "`batch`: answers within a day, at half price, through the Batch API.")
]

FlowFunction = TypeVar("FlowFunction", bound=Callable[..., Any])


def takes_recipe(function: FlowFunction) -> FlowFunction:
    """Give a flow one parameter for each field of the recipe, in place of its `**recipe`.

    Prefect makes the run form from the signature, so a field added to the recipe is a field of every such form.
    """
    written = inspect.signature(function)
    own = [each for each in written.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    fields = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=Annotated[
                option.kind,
                *_option(option.title, option.description, minimum=option.minimum, maximum=option.maximum),
            ],
        )
        for option in RECIPE_OPTIONS.values()
    ]
    vars(function)["__signature__"] = written.replace(parameters=[*own, *fields])
    return function
