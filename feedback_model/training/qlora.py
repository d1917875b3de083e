"""LoRA adapters on a quantised base: attaching them, and their file."""
# pyright: basic

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from feedback_model.records.recipe import Recipe
from feedback_model.training.checkpoints import hash_adapter
from feedback_model.training.loading import quiet_libraries


def attach_adapters(model: nn.Module, recipe: Recipe) -> Any:
    """Freeze `model` and put float32 LoRA adapters on all its linear layers but the head."""
    with quiet_libraries():
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        torch.manual_seed(recipe.seed)
        adapted = get_peft_model(model, config)  # pyright: ignore[reportArgumentType]
    for parameter in trainable_parameters(adapted):
        parameter.data = parameter.data.float()  # a gradient scaler refuses float16 parameters
    return adapted.train()


def trainable_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return the adapters' parameters, in the model's order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def save_adapter(model: Any, folder: Path) -> str:
    """Write the adapter to `folder` in PEFT's format and return the hash of its weights.

    Raises:
        OSError: the disk is full or refuses to write.
    """
    try:
        with quiet_libraries():
            model.save_pretrained(folder, save_embedding_layers=False)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card says nothing true
    return hash_adapter(folder)
