"""A small judge: an OpenAI-compatible endpoint around a chat model on this machine, held to the form of a label.

`python benchmarks/small_judge.py FOLDER --model NAME`, where FOLDER holds a Hugging Face causal model with a chat template.
Prints `ready URL` and serves until it is stopped. JSON is forced and what stands in it decoded greedily, several requests at a
time, so that every answer is a valid label however weak the model is; scores come with the probabilities of all ten.
"""
# pyright: basic

import argparse
import json
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StaticCache

from feedback_model.traits import MAX_SCORE, SCORES, TRAIT_KEYS

LONGEST = {
    "evidence": 8,
    "explanation": 10,
}  # tokens; a weak model would go on for ever, and this is no measure of its prose
ROOM = 512  # tokens that an answer may take at most
BATCH = 16
GATHERING = 0.3  # seconds to wait for more requests

Piece = tuple[str, dict[int, float] | None]
"""Text of an answer, and for a score the probability of each."""


@dataclass(frozen=True)
class Question:
    system: str
    user: str
    members: tuple[str, ...]
    """Of each trait's answer, in their order."""
    answer: "Future[tuple[list[Piece], int, int]]" = field(default_factory=Future)
    """Pieces, tokens read, tokens written."""


class Reader:
    """A batch of chats that a model reads column by column, all after one prefix."""

    def __init__(self, model: Any, prefix: Any, n_chats: int, n_columns: int) -> None:
        self.model, self.n_read, self.logits = model, prefix.get_seq_length(), torch.empty(0)
        self.cache: Any = StaticCache(
            model.config, max_cache_len=self.n_read + n_columns
        )  # a growing one is copied at each step
        for mine, its in zip(self.cache.layers, prefix.layers, strict=True):
            mine.update(its.keys.expand(n_chats, -1, -1, -1), its.values.expand(n_chats, -1, -1, -1))
        self.mask = torch.zeros(n_chats, self.n_read + n_columns, dtype=torch.long)
        self.mask[:, : self.n_read] = 1

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> None:
        """Append columns; where `mask` is 0 a chat takes no part in one."""
        end = self.n_read + ids.shape[1]
        self.mask[:, self.n_read : end] = mask
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)[:, self.n_read : end]
        said = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.n_read, self.logits = end, said.logits[:, -1].float()

    def forget_last(self) -> None:
        self.n_read -= 1
        self.mask[:, self.n_read] = 0
        for layer in self.cache.layers:
            layer.cumulative_length -= 1


class Judge:
    def __init__(self, folder: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
        self._prefixes: dict[str, Any] = {}
        texts = [self.tokenizer.decode([token]) for token in range(self.model.config.vocab_size)]
        special = set(self.tokenizer.all_special_ids)
        self._quote = self._ids('"')[0]
        self._free = torch.tensor(
            [
                token == self._quote
                or (token not in special and text.isprintable() and not set('"\\\ufffd') & set(text))
                for token, text in enumerate(texts)
            ]
        )

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question]) -> None:
        """Answer questions with one system prompt, one after the other in lockstep."""
        chats = [self._rendered(each) for each in questions]
        prefix = self._read_prefix(questions[0].system, chats[0][0])
        rest = [self._ids(text) for _, text in chats]
        width = max(map(len, rest))
        reader = Reader(self.model, prefix, len(questions), width + ROOM)
        ids = torch.tensor([[0] * (width - len(each)) + each for each in rest])
        reader.read(ids, torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in rest]))
        pieces: list[list[Piece]] = [[] for _ in questions]
        before = reader.mask.sum(1)
        for chunk, member in skeleton(questions[0].members):
            self._force(reader, chunk, pieces)
            if member == "score":
                self._score(reader, pieces)
            elif member:
                self._write(reader, member, pieces)
        written = reader.mask.sum(1) - before
        for question, each, asked, said in zip(questions, pieces, before.tolist(), written.tolist(), strict=True):
            question.answer.set_result((each, asked, said))

    def _rendered(self, question: Question) -> tuple[str, str]:
        """Render a chat, cut where the user's words begin."""
        messages = [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}]
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        place = text.rindex(question.user)
        return text[:place], text[place:]

    def _read_prefix(self, system: str, text: str) -> Any:
        if system not in self._prefixes:
            said = self.model(input_ids=torch.tensor([self._ids(text)]), use_cache=True, logits_to_keep=1)
            self._prefixes[system] = said.past_key_values
        return self._prefixes[system]

    def _force(self, reader: Reader, chunk: str, pieces: list[list[Piece]]) -> None:
        ids = torch.tensor([self._ids(chunk)] * len(pieces))
        reader.read(ids, torch.ones_like(ids))
        for each in pieces:
            each.append((chunk, None))

    def _score(self, reader: Reader, pieces: list[list[Piece]]) -> None:
        """Choose the likeliest score; 10 is the digits 1 and 0, so what follows a 1 is asked for, too."""
        digits = [self._ids(str(digit))[0] for digit in range(10)]
        first = reader.logits[:, digits[1:]].softmax(1)
        ones = torch.full((len(pieces), 1), digits[1])
        reader.read(ones, torch.ones_like(ones))
        zero = reader.logits.softmax(1)[:, digits[0]]
        reader.forget_last()
        shares = torch.cat([(first[:, 0] * (1 - zero))[:, None], first[:, 1:], (first[:, 0] * zero)[:, None]], 1)
        chosen = [SCORES[place] for place in shares.argmax(1).tolist()]
        ids = [[digits[1], digits[0]] if score == MAX_SCORE else [0, digits[score]] for score in chosen]
        reader.read(torch.tensor(ids), torch.tensor([[int(score == MAX_SCORE), 1] for score in chosen]))
        for each, score, share in zip(pieces, chosen, shares.tolist(), strict=True):
            each.append((str(score), dict(zip(SCORES, share, strict=True))))

    def _write(self, reader: Reader, member: str, pieces: list[list[Piece]]) -> None:
        """Write text up to a quotation mark, or as far as it may go."""
        said: list[list[int]] = [[] for _ in pieces]
        ended = torch.zeros(len(pieces), dtype=torch.bool)
        for place in range(LONGEST[member]):
            logits = reader.logits.masked_fill(~self._free, float("-inf"))
            if place == 0 and member == "explanation":
                logits[:, self._quote] = float("-inf")
            chosen = logits.argmax(1)
            ended |= chosen == self._quote
            if ended.all():
                break
            for row in torch.nonzero(~ended).flatten().tolist():
                said[row].append(int(chosen[row]))
            reader.read(chosen.masked_fill(ended, 0)[:, None], (~ended).long()[:, None])
        for each, ids in zip(pieces, said, strict=True):
            each.append((self.tokenizer.decode(ids) or (" " if member == "evidence" else "-"), None))


def skeleton(members: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Cut the JSON of an answer into what is forced, each with the member whose value follows it."""
    before = "{"
    for trait in TRAIT_KEYS:
        before += f'"{trait}": {{'
        for number, member in enumerate(members):
            quote = "" if member == "score" else '"'
            yield f'{before}"{member}": {quote}', member
            before = quote + ("}, " if number == len(members) - 1 else ", ")
    yield before.removesuffix(", ") + "}", ""


class Handler(BaseHTTPRequestHandler):
    questions: "queue.Queue[Question]"
    model_name: str

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": self.model_name, "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = {message["role"]: message["content"] for message in reversed(asked["messages"])}
        traits = asked["response_format"]["json_schema"]["schema"]["properties"]
        question = Question(said["system"], said["user"], tuple(next(iter(traits.values()))["properties"]))
        self.questions.put(question)
        self._send(completion(self.model_name, *question.answer.result()))

    def _send(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def completion(model: str, pieces: Sequence[Piece], asked: int, written: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(text for text, _ in pieces), "refusal": None}
    logs = [{"token": text, "logprob": 0.0, "bytes": None, "top_logprobs": _top(shares)} for text, shares in pieces]
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": logs, "refusal": None}}
    usage = {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
    return {
        "id": "small",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def _top(shares: dict[int, float] | None) -> list[dict[str, Any]]:
    logs = {score: torch.tensor(max(share, 1e-30)).log().item() for score, share in (shares or {}).items()}
    return [{"token": str(score), "logprob": log, "bytes": None} for score, log in logs.items()]


def answer_for_ever(judge: Judge, questions: "queue.Queue[Question]") -> None:
    waiting: list[Question] = []
    while True:
        waiting.append(waiting.pop(0) if waiting else questions.get())
        try:
            while len(waiting) < BATCH:
                waiting.append(questions.get(timeout=GATHERING))
        except queue.Empty:
            pass
        same = [each for each in waiting if (each.system, each.members) == (waiting[0].system, waiting[0].members)]
        waiting = [each for each in waiting if each not in same]
        judge.answer(same[:BATCH])
        waiting += same[BATCH:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--model", required=True, help="the name it is served under")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    Handler.questions, Handler.model_name = queue.Queue(), options.model
    threading.Thread(target=answer_for_ever, args=(Judge(options.folder), Handler.questions), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"ready http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
