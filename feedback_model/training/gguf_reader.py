"""The reader of GGUF files that transformers has, without its progress bar."""
# pyright: basic

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def no_bar_of_the_reader() -> Iterator[None]:
    """Keep the one bar that no setting reaches from the terminal."""
    reader: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    drawing = reader.tqdm
    reader.tqdm = lambda tensors, **_: tensors
    try:
        yield
    finally:
        reader.tqdm = drawing
