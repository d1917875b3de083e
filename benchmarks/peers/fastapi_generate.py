"""What is usually written: FastAPI around `generate`, float32, one request after the other.

`python fastapi_generate.py BASE ADAPTER|- MAX_NEW_TOKENS`; prints its URL when it is ready.
"""

import socket
import sys
import threading

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModelForCausalLM, AutoTokenizer

location, adapter, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(location)
model = AutoModelForCausalLM.from_pretrained(location, dtype=torch.float32)
if adapter != "-":
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, adapter)
model.eval()
app = FastAPI()
one_at_a_time = threading.Lock()  # without it forty threads share two cores, and every request is late


class Talk(BaseModel):
    messages: list[dict[str, str]]


@app.post("/feedback")
def feedback(talk: Talk) -> dict[str, str]:
    prompt = tokenizer.apply_chat_template(
        talk.messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with one_at_a_time, torch.inference_mode():
        said = model.generate(**prompt, max_new_tokens=limit, do_sample=False, pad_token_id=tokenizer.eos_token_id)
    return {"feedback": tokenizer.decode(said[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)}


bound = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[bound])
