"""What is started often loads none of the heavy libraries."""

import subprocess
import sys

HEAVY = [
    "torch",
    "transformers",
    "datasets",
    "openai",
    "polars",
    "altair",
    "wandb",
    "lxml",
    "docx",
    "openpyxl",
    "ftfy",
    "zstandard",
    "ray",
    "genai_prices",
]


def loaded_by(modules: str, *names: str) -> str:
    """Those of `names` that importing `modules` in a process of its own loads."""
    code = f"import sys, {modules}; print([name for name in {names} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_training_and_inference_import_without_their_libraries() -> None:
    modules = "feedback_model.training.train, feedback_model.training.base_model, feedback_model.inference.infer, "
    modules += "feedback_model.store.training, feedback_model.store.predictions"
    heavy = ("torch", "transformers", "peft", "bitsandbytes", "wandb", "huggingface_hub")
    assert loaded_by(modules, *heavy) == "[]"


def test_help_loads_neither_prefect_nor_torch() -> None:
    assert loaded_by("deployments.cli.app", "prefect", "sqlalchemy", *HEAVY) == "[]"


def test_prices_are_loaded_when_asked_for() -> None:
    modules = "flows.retrain, flows.label, feedback_model.labelling.label, feedback_model.labelling.batch_jobs"
    assert loaded_by(modules, "genai_prices") == "[]"


def test_flows_load_no_torch() -> None:
    assert loaded_by("flows.retrain, flows.land", "torch") == "[]"
