"""Recipe fields reach command line, run form, files and records from one definition, and wrong values are refused."""

import inspect
from dataclasses import asdict
from typing import get_args

import pytest
from typer.testing import CliRunner

from deployments.cli import augment as augment_command
from deployments.cli import stages, up
from deployments.cli.app import app
from deployments.cli.options import choose_recipe
from deployments.deploy import run_form
from feedback_model.errors import InputError
from feedback_model.records.recipe import DEFAULTS_BY_BASE, Recipe
from feedback_model.training.recipe_options import (
    RECIPE_OPTIONS,
    RecipeOption,
    complete_recipe,
    read_assignments,
    read_recipe_file,
    render_recipe,
    show_value,
)
from flows.augment import augment
from flows.evaluate import evaluate
from flows.label import label
from flows.pipeline import pipeline
from flows.prove_augmentation import prove_augmentation
from flows.retrain import retrain
from flows.train import train

every_option = pytest.mark.parametrize("option", RECIPE_OPTIONS.values(), ids=lambda option: option.name)


def another_value(option: RecipeOption):
    """An allowed value that is not the default of any base model."""
    if option.kind is bool:
        return not option.default
    if get_args(option.kind):
        return get_args(option.kind)[-1]
    return option.kind(option.maximum)


@every_option
def test_form_and_recipe_agree(option):
    for flow in (train, pipeline, retrain):
        shown = run_form(flow)["properties"][option.name]
        assert shown["description"].startswith(option.help)
        assert shown["title"] == option.title
        assert shown["default"] == option.default == inspect.signature(flow.fn).parameters[option.name].default
        assert (shown.get("minimum"), shown.get("maximum")) == (option.minimum, option.maximum)
        assert tuple(shown.get("enum", ())) == get_args(option.kind)
        assert not {"anyOf", "allOf", "$ref"} & shown.keys()


@every_option
def test_file_and_assignment_give_the_same_recipe(option, tmp_path):
    value, file = another_value(option), tmp_path / "recipe.yaml"
    file.write_text(f"{option.name}: {show_value(value)}\n")
    assert read_recipe_file(file) == read_assignments([f"{option.name}={show_value(value)}"]) == {option.name: value}
    assert asdict(complete_recipe({option.name: value}, "embedded"))[option.name] == value


@every_option
@pytest.mark.parametrize("base", ["embedded", "smollm2", "Qwen/Qwen2.5-0.5B-Instruct"])
def test_an_unchosen_field_has_its_default(option, base):
    default = asdict(complete_recipe({}, base))[option.name]
    assert complete_recipe({option.name: option.default}, base) == complete_recipe({}, base)
    assert default == DEFAULTS_BY_BASE.get(option.name, {}).get(base, getattr(Recipe(), option.name))
    assert show_value(default) in option.default_words


def test_a_weight_of_nothing_is_no_default():
    """0 asks for the base model's default only where a recipe cannot hold it."""
    choices = read_assignments(["expectation_weight=0", "learning_rate=0"])
    recipe = complete_recipe(choices, "smollm2")
    assert (recipe.expectation_weight, recipe.learning_rate) == (0, complete_recipe({}, "smollm2").learning_rate)


@pytest.mark.parametrize("arguments", [["--base-model", "embedded", "--set", "rank=16", "--epochs", "2"], []])
def test_a_printed_recipe_is_read_back_whole(arguments, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text(CliRunner().invoke(app, ["train", "--print-recipe", *arguments]).stdout)
    expected = complete_recipe({"rank": 16, "epochs": 2} if arguments else {}, "embedded" if arguments else "")
    assert Recipe(**read_recipe_file(file)) == expected
    assert CliRunner().invoke(app, ["train", "--print-recipe", "--recipe", str(file)]).stdout == file.read_text()


@every_option
def test_a_printed_recipe_explains_every_field(option):
    printed = render_recipe(Recipe())
    assert f"# {option.help}\n# Allowed: {option.allowed}. Default: {option.default_words}.\n{option.name}: " in printed


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("rank=abc", "rank is 'abc', expected a whole number from 1 to 512"),
        ("rnak=8", "there is no recipe field 'rnak'; did you mean rank?"),
        ("colour=red", "the fields are epochs, rank, alpha"),
        ("rank", "such as --set rank=16"),
        ("epochs=0", "expected a whole number from 1 to 1000"),
        (
            "learning_rate=2",
            "expected a number above 0 and at most 1, or 0: by base model (0.0002; embedded: 0.007; smollm2: 0.002)",
        ),
        ("dropout=nan", "expected a number from 0 to 0.9"),
        ("precision=float8", "expected one of float16, bfloat16, float32"),
    ],
)
def test_a_wrong_assignment_is_refused(assignment, told):
    for command in ("run", "train", "up"):
        refused = CliRunner().invoke(app, [command, "--set", assignment]).exception
        assert isinstance(refused, InputError)
        assert told in str(refused)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("rank: true", "rank is True, expected a whole number"),
        ("rank: [8]", r"rank is \[8\]"),
        ("rank:", "rank is None"),
        ("rank: 8\nrnak: 8", "no recipe field 'rnak'"),
        ("rank: 8: 9", r"is not YAML \(line 1\)"),
        ("rank: 8\nrank: 8", "rank is given twice"),
        ("- rank", "holds no `field: value` lines"),
    ],
)
def test_a_wrong_file_is_refused_by_name(content, told, tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=rf"recipe\.yaml.*{told}"):
        choose_recipe(file, None)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml cannot be read: No such file"):
        choose_recipe(tmp_path / "none.yaml", None)


def test_assignments_and_shorthands_overrule_the_file(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("rank: 4\nepochs: 5\nseed: 6\n")
    assert choose_recipe(file, ["rank=16"], epochs=2, seed=None) == {"rank": 16, "epochs": 2, "seed": 6}
    with pytest.raises(InputError, match=r"given twice: --epochs 2 and --set epochs=3"):
        choose_recipe(None, ["epochs=3"], epochs=2)


COMMANDS = {
    pipeline: stages.run,
    train: stages.train,
    label: stages.label,
    evaluate: stages.evaluate,
    augment: augment_command.augment,
    prove_augmentation: augment_command.prove_augmentation,
}


@pytest.mark.parametrize("flow", COMMANDS, ids=lambda flow: flow.name)
def test_form_and_command_read_the_same(flow):
    options, fields = inspect.signature(COMMANDS[flow]).parameters, inspect.signature(flow.fn).parameters
    ours = {name for name, field in fields.items() if field.kind is not field.KEYWORD_ONLY} - {"control_of"}
    assert {name: options[name].annotation for name in ours} == {name: fields[name].annotation for name in ours}
    assert {name: options[name].default for name in ours} == {name: fields[name].default for name in ours}


@pytest.mark.parametrize("name", ["epochs", "precision", "seed"])
def test_a_shorthand_reads_as_its_field(name):
    for command in (stages.run, stages.train, up.up):
        (option,) = inspect.signature(command).parameters[name].annotation.__metadata__
        field = RECIPE_OPTIONS[name]
        assert (option.help, option.min, option.max) == (field.help, field.minimum, field.maximum)
