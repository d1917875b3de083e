"""How far the scores can be read off a base that nobody trained: ridge regression on its hidden states, beside the train mean.

    python benchmarks/frozen_base.py TRANSCRIPTS [--folds N]

TRANSCRIPTS is a file of JSON lines with `id`, `document` and `text`; needs `make smollm2`. A transcript is the mean of its
tokens' hidden states after three of the base's layers; the strength of the penalty is chosen inside the train part. The folds are
those of `answer_validity.py`: what a trained model there misses of this, training has not taught.
Some ten minutes of two CPU cores.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from answer_validity import Fold, folds_of
from labelled_speech import read_labelled
from results_page import device_and_processor, processor_seconds, table, write_results
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModelForCausalLM, AutoTokenizer

from eval.intervals import estimate_mean
from eval.metrics import Scores
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.training import BaseModel, default_recipe
from feedback_model.training.base_model import SMOLLM2, resolve_base
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

LAYERS = (8, 16, 24)  # of SmolLM2's 30
PENALTIES = np.logspace(1, 6, 11)
MOST_TOKENS = 1_024


def features(base: BaseModel, texts: Sequence[str]) -> np.ndarray:
    """(texts, layers times width) mean hidden states."""
    tokenizer = AutoTokenizer.from_pretrained(base.location)
    model = AutoModelForCausalLM.from_pretrained(base.location, dtype=torch.float32).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=MOST_TOKENS).input_ids
            states = model(ids, output_hidden_states=True).hidden_states
            rows.append(torch.cat([states[layer][0].float().mean(0) for layer in LAYERS]).numpy())
    return np.array(rows)


def labels_of(examples: Sequence[LabelledTranscript]) -> Scores:
    return np.array([each.scores for each in examples], dtype=float)


def errors_of(
    known: dict[str, np.ndarray], train: Sequence[LabelledTranscript], held_out: Sequence[LabelledTranscript]
) -> tuple[Scores, Scores]:
    """Squared errors on the held out of the regression and of the train mean, (transcripts, traits) each."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
    ridge.fit(np.array([known[each.transcript_id] for each in train]), labels_of(train))
    said = ridge.predict(np.array([known[each.transcript_id] for each in held_out]))
    labels = labels_of(held_out)
    return (said.clip(MIN_SCORE, MAX_SCORE) - labels) ** 2, (labels_of(train).mean(axis=0) - labels) ** 2


def page(base: BaseModel, folds: Sequence[Fold], known: dict[str, np.ndarray]) -> str:
    errors = [errors_of(known, fold.train, fold.held_out) for fold in folds]
    ridge, constant = (np.concatenate(each) for each in zip(*errors, strict=True))
    apart = estimate_mean((ridge - constant).mean(axis=1), [each.source_id for fold in folds for each in fold.held_out])
    assert apart is not None
    pairs = [*((str(fold.number), *each) for fold, each in zip(folds, errors, strict=True)), ("all", ridge, constant)]
    rows = [[name, len(one), f"{one.mean():.2f}", f"{other.mean():.2f}"] for name, one, other in pairs]
    by_trait = zip(TRAIT_KEYS, ridge.mean(axis=0), constant.mean(axis=0), strict=True)
    return f"""# What a base that nobody trained knows of the scores

Base {base.name}, {len(known)} real transcripts with the offline labeller's labels in {len(folds)} folds by document. Ridge
regression on the mean hidden states after layers {", ".join(map(str, LAYERS))}, beside the train mean of each trait.

{table(["fold", "n", "MSE of the regression", "MSE of the train mean"], rows)}

The regression's less the mean's: {apart.mean:+.2f} ({apart.interval.low:+.2f} to {apart.interval.high:+.2f}), a 95% interval
clustered on the document.

{table(["trait", "regression", "train mean"], [[trait, f"{one:.2f}", f"{other:.2f}"] for trait, one, other in by_trait])}

{device_and_processor()}.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--folds", type=int, default=2)
    arguments = parser.parse_args()
    started, examples = processor_seconds(), read_labelled(arguments.transcripts)
    base = resolve_base(SMOLLM2)
    folds = folds_of(examples, arguments.folds, base, default_recipe(base), Path())
    rows = features(base, [each.text for each in examples])
    body = page(base, folds, dict(zip([each.transcript_id for each in examples], rows, strict=True)))
    used, packages = processor_seconds() - started, ["torch", "transformers", "scikit-learn"]
    write_results("frozen_base", packages, used, body, arguments="TRANSCRIPTS")


if __name__ == "__main__":
    main()
