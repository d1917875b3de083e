"""What the command line imports of training and inference loads none of the heavy libraries."""

import subprocess
import sys

IMPORTS = """
import sys
import feedback_model.training.train, feedback_model.training.base_model, feedback_model.inference.infer
import feedback_model.store.training, feedback_model.store.outputs
print(sorted({"torch", "transformers", "peft", "bitsandbytes", "wandb", "huggingface_hub"} & set(sys.modules)))
"""


def test_training_and_inference_import_without_their_libraries():
    child = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"
