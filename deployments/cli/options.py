"""Options that only the command line has; those that the run forms have too stand in `flows/parameters.py`."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.models import OptionInfo

from feedback_model.errors import ConfigurationError, InputError
from feedback_model.network import check_certificates
from feedback_model.records.recipe import PrecisionName
from feedback_model.training.recipe_options import RECIPE_OPTIONS, read_assignments, read_recipe_file

if TYPE_CHECKING:
    from feedback_model.settings import Settings


def _shorthand(name: str) -> OptionInfo:
    """Define an option that sets one field of the recipe."""
    option = RECIPE_OPTIONS[name]
    return typer.Option(
        min=option.minimum,
        max=option.maximum,
        help=option.help,
        show_default=f"{option.default_words}, or the recipe file's",
    )


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", help="YAML file with fields of the recipe; `feedback train --print-recipe` writes one."),
]
RecipeChanges = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change one field of the recipe; repeatable. Fields and defaults: "
        + ", ".join(f"{name} ({option.default_words})" for name, option in RECIPE_OPTIONS.items())
        + ".",
    ),
]
Epochs = Annotated[int | None, _shorthand("epochs")]
Precision = Annotated[PrecisionName | None, _shorthand("precision")]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Most memory that training may hold, such as 6GiB; what does not fit at once is done in smaller pieces.",
        show_default="FEEDBACK_MEMORY, or what is free",
    ),
]
RecipeSeed = Annotated[int | None, _shorthand("seed")]


def choose_recipe(file: Path | None, changes: list[str] | None, **shorthands: Any) -> dict[str, Any]:
    """Collect the recipe's fields that a command was given: from the file, then from `--set` and the shorthands.

    Raises:
        InputError: a field is unknown, wrong, or given twice with different values.
    """
    changed = read_assignments(changes or [])
    given = {name: value for name, value in shorthands.items() if value is not None}
    for name, value in given.items():
        if changed.get(name, value) != value:
            raise InputError(f"{name} is given twice: --{name} {value} and --set {name}={changed[name]}")
    return {**(read_recipe_file(file) if file else {}), **changed, **given}


def load_settings(
    memory: str | None = None, *, only_reads: bool = False, makes_home: bool = True, writes_elsewhere: bool = False
) -> "Settings":
    """Return the settings of this process, with the home folder made, and what lies in it closed to other users.

    Args:
        memory: stands in for FEEDBACK_MEMORY, here and in the processes that this one starts.
        only_reads: a home folder that cannot be written will do.
        makes_home: False to refuse where there is none.
        writes_elsewhere: what this process writes is not for the home folder alone, and gets the permissions that its user chose.

    Raises:
        ConfigurationError: a setting is wrong, or the home folder cannot be used.
    """
    from pydantic import ValidationError

    from feedback_model.settings import Settings, setting_name

    if memory is not None:
        os.environ["FEEDBACK_MEMORY"] = memory
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        name = setting_name(field) if field in Settings.model_fields else field
        is_shown = field not in Settings.model_fields or Settings.model_fields[field].repr
        found = f" (found {first['input']!r})" if is_shown else ""  # which may hold a password
        raise ConfigurationError(f"the setting {name} is wrong: {first['msg']}{found}") from error
    if not makes_home and not settings.home.exists():
        raise ConfigurationError(f"there is no home folder {settings.home}; `feedback up` or `feedback land` makes it")
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds what people said
        with TemporaryFile(dir=settings.home):  # nameless, so that two commands at once do not meet
            pass
        if not only_reads:
            close_to_others(settings.home, but=settings.inbox)
    except OSError as error:
        if not (only_reads and settings.home.is_dir()):
            raise ConfigurationError(_why_unusable(settings.home, error)) from error
    if not writes_elsewhere:
        os.umask(0o077)
    check_certificates()
    return settings


def close_to_others(home: Path, but: Path) -> None:
    """Take from other users what they may do with the home's folders and files, those in `but` aside.

    The home itself stays as it is: some let others through it, into the inbox.
    """
    for path in home.iterdir():
        found = path.lstat()
        is_ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
        if is_ours and path != but and found.st_mode & 0o077:
            with suppress(FileNotFoundError):  # another command is at work, and SQLite's log comes and goes
                path.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def _why_unusable(home: Path, error: OSError) -> str:
    dangling = next((folder for folder in (home, *home.parents) if folder.is_symlink() and not folder.exists()), None)
    if dangling is not None:
        return (
            f"the home folder {home} cannot be used: {dangling} is a link to {dangling.readlink()}, which is not there; "
            "make that folder, or point FEEDBACK_HOME elsewhere"
        )
    return f"the home folder {home} cannot be written ({error.strerror}); make room or point FEEDBACK_HOME elsewhere"
