"""OpenVINO GenAI's side of `decoding_speed.py`: the exported GGUF file, continuous batching, the common beginning kept."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.answering import Said, answer_in


def open_side(work: dict[str, Any]) -> Any:
    import openvino_genai

    folder = Path(work["exported"])
    asked = json.loads((folder / "feedback_prompt.json").read_text(encoding="utf-8"))
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = 2  # GB
    settings = {"INFERENCE_NUM_THREADS": 1, "scheduler_config": scheduler}
    pipeline = openvino_genai.LLMPipeline(folder / "model.gguf", "CPU", **settings)
    how = openvino_genai.GenerationConfig(max_new_tokens=work["max_new_tokens"], do_sample=False)
    how.apply_chat_template = False
    how.stop_strings = {asked["end_token"]}
    tokenizer = pipeline.get_tokenizer()

    def answer(texts: list[str]) -> list[Said]:
        prompts = [asked["text"].replace("{transcript}", text) for text in texts]
        said = pipeline.generate(prompts, how).texts
        return [Said(text, tokenizer.encode(text).input_ids.shape[1] + 1) for text in said]

    return answer, f"cpu, OpenVINO GenAI {openvino_genai.__version__.split('-')[0]}, Q8_0"


if __name__ == "__main__":
    answer_in(open_side)
