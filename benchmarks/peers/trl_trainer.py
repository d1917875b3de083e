"""TRL's SFTTrainer as its documentation has it for QLoRA. `python trl_trainer.py WORK WAY`, as `training_speed.py` starts it.

WAY is `default`, or `no-checkpointing` for its best where memory allows. Everything that is not in WORK is left at TRL's
defaults, apart from logging, which is needed at every step, and checkpoints, which are not written.
"""

import json
import os
import sys
from pathlib import Path

import torch
import trl
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer

work, way = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
recipe, rates, on_gpu = work["recipe"], work["learning_rates"], work["device"] == "cuda"


class Trainer(SFTTrainer):
    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> object:  # noqa: ARG002 - as its base class
        """The learning rate of each step as the other side has it."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.optimizer,
                lambda done: rates[min(done, len(rates) - 1)] / recipe["learning_rate"],
            )
        return self.lr_scheduler


nf4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.bfloat16,
)
model = AutoModelForCausalLM.from_pretrained(
    work["base"]["location"], dtype=torch.bfloat16, quantization_config=nf4, device_map={"": work["device"]}
)
rows = [
    {
        "input_ids": each["prompt"] + each["answer"],
        "completion_mask": [0] * len(each["prompt"]) + [1] * len(each["answer"]),
    }
    for each in work["encoded"]
]
given = {} if way == "default" else {"gradient_checkpointing": False}
settings = SFTConfig(
    output_dir=work["folder"],
    per_device_train_batch_size=recipe["batch_size"],
    num_train_epochs=1,
    learning_rate=recipe["learning_rate"],
    weight_decay=recipe["weight_decay"],
    max_grad_norm=recipe["max_gradient_norm"],
    seed=recipe["seed"],
    completion_only_loss=True,
    max_length=None,
    bf16=True,
    use_cpu=not on_gpu,
    train_sampling_strategy="sequential",
    logging_steps=1,
    report_to=[],
    save_strategy="no",
    disable_tqdm=True,
    **given,
)
trainer = Trainer(
    model=model,
    args=settings,
    train_dataset=Dataset.from_list(rows),
    processing_class=AutoTokenizer.from_pretrained(work["base"]["location"]),
    peft_config=LoraConfig(
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        lora_dropout=recipe["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    ),
)
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # the trainer prints its logs, which are not for whoever reads the marks
told.write("ready\n")
told.flush()
sys.stdin.readline()
trainer.train()
losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
peak = torch.cuda.max_memory_reserved() if on_gpu else None
told.write(json.dumps({"losses": losses, "gpu_peak": peak, "name": f"TRL {trl.__version__}"}) + "\n")
told.flush()
sys.stdin.readline()
