"""Models in the forms that other programs load: adapter, merged safetensors, GGUF."""
