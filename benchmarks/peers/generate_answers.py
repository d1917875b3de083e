"""The library's side of `decoding_speed.py`: the adapter on its base, greedy `generate`, prompts padded on the left."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.answering import answer_in, ask_with


def open_side(work: dict[str, Any]) -> Any:
    from peft import PeftModel

    from feedback_model.inference.models import choose_model
    from feedback_model.inference.reference import ReferenceGenerator
    from feedback_model.store.connection import open_store
    from feedback_model.training.checkpoints import verified_folder
    from feedback_model.training.loading import load_model, load_tokenizer

    home = Path(work["home"])
    version = choose_model(open_store(f"sqlite:///{home / 'feedback.db'}"), work["model_id"]).version
    model = load_model(version.base, version.quantised, "cpu", work["precision"])
    if version.checkpoint:
        model = PeftModel.from_pretrained(model, str(verified_folder(home, version.checkpoint))).eval()
    generator = ReferenceGenerator(model, load_tokenizer(version.base), work["max_new_tokens"])

    return ask_with(generator), f"cpu, {work['precision']}"


if __name__ == "__main__":
    answer_in(open_side)
