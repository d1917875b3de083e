"""Options that several commands share, said once."""

from tempfile import TemporaryFile
from typing import Annotated

import typer

from feedback_model.errors import ConfigurationError
from feedback_model.records import LabellerKind
from feedback_model.settings import Settings
from feedback_model.training.recipe import PrecisionName

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Labeller = Annotated[
    LabellerKind,
    typer.Option(help="Who labels: `openai` (or any endpoint at FEEDBACK_OPENAI_BASE_URL), or `embedded`."),
]
BaseModel = Annotated[str, typer.Option(help="Model to fine-tune: a hub id, a folder, or `embedded`.")]
Epochs = Annotated[int, typer.Option(min=1, max=50, help="Passes over the train split; one checkpoint each.")]
Precision = Annotated[PrecisionName, typer.Option(help="Compute type; a CPU falls back and the run says so.")]
Seed = Annotated[int, typer.Option(help="Seeds everything that is random.")]
Again = Annotated[bool, typer.Option("--again", help="Do it anew, even where the same was done before.")]
Limit = Annotated[int, typer.Option(min=0, help="At most this many; 0 means all.")]

DEFAULT_LABELLER: LabellerKind = "openai"


def load_settings() -> Settings:
    """The settings of this process, with the home folder made.

    Raises:
        ConfigurationError: a setting is wrong, or the home folder cannot be written.
    """
    from pydantic import ValidationError

    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        name = name if name == "OPENAI_API_KEY" else f"FEEDBACK_{name}"
        raise ConfigurationError(f"the setting {name} is wrong: {first['msg']} (found {first['input']!r})") from error
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.home):  # nameless, so that two commands at once do not meet
            pass
    except OSError as error:
        raise ConfigurationError(
            f"the home folder {settings.home} cannot be written ({error.strerror}); "
            "make room or point FEEDBACK_HOME elsewhere"
        ) from error
    return settings
