"""The recipe as options: choices of a user, read from a file or from `name=value`, checked and completed to a recipe.

A choice of 0 for a field whose default depends on the base model asks for that default; where 0 is a value of its own, -1 does.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from feedback_model.errors import InputError
from feedback_model.records.recipe import DEFAULTS_BY_BASE, RECIPE_FIELDS, Recipe, defaults_of


@dataclass(frozen=True, slots=True)
class RecipeOption:
    """One field of the recipe as a user may choose it."""

    name: str
    kind: Any
    """`int`, `float`, `bool` or a Literal of strings."""
    help: str
    default: Any
    """Where it depends on the base model, the choice that stands for that."""
    minimum: float | None
    maximum: float | None
    allowed: str
    """The values that a recipe may hold, in words."""
    default_words: str

    @property
    def title(self) -> str:
        """The name as a form shows it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def description(self) -> str:
        """The help text, with what stands for the base model's own default where there is one."""
        return f"{self.help} {self.default}: {self.by_base_model}." if self.name in DEFAULTS_BY_BASE else self.help

    @property
    def by_base_model(self) -> str:
        """The default in words where it depends on the base model."""
        return f"by base model ({self.default_words})"


def _option(name: str) -> RecipeOption:
    field, by_base = RECIPE_FIELDS[name], name in DEFAULTS_BY_BASE
    limits = {
        limit: getattr(mark, limit) for mark in field.metadata for limit in ("ge", "gt", "le") if hasattr(mark, limit)
    }
    words = "; ".join([show_value(field.default), *_defaults_in_words(name)])
    by_base_model = -1 if limits.get("ge") == 0 else 0
    return RecipeOption(
        name=name,
        kind=field.annotation,
        help=field.description or "",
        default=by_base_model if by_base else field.default,
        minimum=by_base_model if by_base else limits.get("ge"),
        maximum=limits.get("le"),
        allowed=_allowed(field.annotation, limits),
        default_words=words,
    )


def _defaults_in_words(name: str) -> list[str]:
    return [f"{base}: {show_value(value)}" for base, value in DEFAULTS_BY_BASE.get(name, {}).items()]


def _allowed(kind: Any, limits: Mapping[str, float]) -> str:
    if kind is bool:
        return "true or false"
    if get_args(kind):
        return f"one of {', '.join(get_args(kind))}"
    number = "a whole number" if kind is int else "a number"
    lowest = f"above {limits['gt']:g} and at most" if "gt" in limits else f"from {limits['ge']:g} to"
    return f"{number} {lowest} {limits['le']:.15g}"


def show_value(value: Any) -> str:
    """Write a value as YAML and `name=value` have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


RECIPE_OPTIONS: Mapping[str, RecipeOption] = {name: _option(name) for name in RECIPE_FIELDS}
"""Every field of the recipe, by name, in the order of its definition."""


def read_recipe_file(path: Path) -> dict[str, Any]:
    """Read choices from a YAML file.

    Raises:
        InputError: it cannot be read, or holds an unknown field or a wrong value; names file, field and what is allowed.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"the recipe file {path} cannot be read: {error.strerror}; {_WAY_ON}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe file {path} is not YAML{_position(error)}; {_WAY_ON}") from error
    if not isinstance(values, dict):
        raise InputError(f"the recipe file {path} holds no `field: value` lines; {_WAY_ON}")
    names = Counter(key.value for key, _ in yaml.compose(text, yaml.SafeLoader).value)
    if twice := [name for name, times in names.items() if times > 1]:
        raise InputError(f"{path}: {twice[0]} is given twice; leave one of them")
    return {str(name): check_choice(str(name), value, str(path)) for name, value in values.items()}


_WAY_ON = "`feedback train --print-recipe` writes one to start from"


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def read_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Read choices from `name=value`, as `--set` takes them; the last of a name counts.

    Raises:
        InputError: one has no `=`, or names an unknown field or a wrong value.
    """
    choices: dict[str, Any] = {}
    for each in assignments:
        name, equals, value = (part.strip() for part in each.partition("="))
        if not equals:
            raise InputError(f"--set {each}: expected a field and its value, such as --set rank=16")
        choices[name] = check_choice(name, value, "--set")
    return choices


def check_choice(name: str, value: Any, where: str) -> Any:
    """Return `value` as the field `name` holds it.

    Args:
        where: the file or option that said so.

    Raises:
        InputError: there is no such field, or it allows no such value.
    """
    if name not in RECIPE_OPTIONS:
        raise InputError(f"{where}: there is no recipe field {name!r}; {_suggestion(name)}")
    option = RECIPE_OPTIONS[name]
    try:
        if isinstance(value, bool) is not (option.kind is bool) and not isinstance(value, str):
            raise ValueError
        read = TypeAdapter[Any](option.kind).validate_python(value)
        complete_recipe({name: read}, base_model="")
    except (ValidationError, ValueError) as error:
        also = f", or {option.default}: {option.by_base_model}" if name in DEFAULTS_BY_BASE else ""
        raise InputError(f"{where}: {name} is {value!r}, expected {option.allowed}{also}") from error
    return read


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, RECIPE_OPTIONS, n=1)
    return f"did you mean {near[0]}?" if near else f"the fields are {', '.join(RECIPE_OPTIONS)}"


def complete_recipe(choices: Mapping[str, Any], base_model: str) -> Recipe:
    """Build the recipe of checked `choices`: what was not chosen is the base model's default.

    Args:
        base_model: its name.
    """
    chosen = {
        name: value
        for name, value in choices.items()
        if name not in DEFAULTS_BY_BASE or value != RECIPE_OPTIONS[name].default
    }
    return Recipe(**{**defaults_of(base_model), **chosen})


def render_recipe(recipe: Recipe) -> str:
    """Write `recipe` as YAML that `read_recipe_file` reads, with the meaning and the allowed values above each field."""
    return "\n".join(
        f"# {option.help}\n# Allowed: {option.allowed}. Default: {option.default_words}.\n{name}: {show_value(value)}\n"
        for (name, value), option in zip(asdict(recipe).items(), RECIPE_OPTIONS.values(), strict=True)
    )
