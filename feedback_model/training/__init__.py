"""QLoRA fine-tuning: recipe, loop, checkpoints, tracking."""
