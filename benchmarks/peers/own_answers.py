"""Our side of `decoding_speed.py`: one trained model, asked in one way."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.answering import answer_in, ask_with


def open_side(work: dict[str, Any]) -> Any:
    from feedback_model.inference.infer import open_generator
    from feedback_model.inference.models import choose_model
    from feedback_model.store.connection import open_store

    home = Path(work["home"])
    version = choose_model(open_store(f"sqlite:///{home / 'feedback.db'}"), work["model_id"]).version
    generator, computes = open_generator(home, version, work["decoding"], work["max_new_tokens"])

    return ask_with(generator), computes


if __name__ == "__main__":
    answer_in(open_side)
