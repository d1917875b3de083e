"""`POST /v1/feedback`: feedback on one text or several, as JSON: on the whole of each, and on every piece of a long one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from feedback_model.parsing import Judgement, judge
from feedback_model.scoring.trait_scores import TraitScores, combine, score_piece
from feedback_model.serving.asking import Asking
from feedback_model.serving.job_queue import Answer, ServedModel
from feedback_model.serving.request_bodies import cut_text, read_decoding, read_object, shown
from feedback_model.serving.request_errors import RequestError, json_response
from feedback_model.traits import TRAIT_KEYS
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.english import seems_english

FIELDS: Final = ("text", "texts", "decoding")
Pieces = Sequence[str] | RequestError


async def give_feedback(request: Request, asking: Asking) -> Response:
    """Answer a request; of several texts those that cannot be judged have an error in their place."""
    body = await read_object(request)
    decoding, texts = read_decoding(body), _read_texts(body)
    cut = await run_in_threadpool(lambda: [_cut(text) for text in texts])
    if "text" in body and isinstance(cut[0], RequestError):
        raise cut[0]
    pieces = [piece for each in cut if not isinstance(each, RequestError) for piece in each]
    answers = await asking.ask(request, pieces, decoding) if pieces else []
    results = list(_results(cut, zip(pieces, answers, strict=True)))
    return json_response(results[0] if "text" in body else {"results": results})


def _read_texts(body: dict[str, Any]) -> list[str]:
    if unknown := [name for name in body if name not in FIELDS]:
        message = f"there is no field {shown(unknown[0])}; the fields are {', '.join(FIELDS)}"
        raise RequestError(400, message, "unknown_field", param=unknown[0])
    if ("text" in body) == ("texts" in body):
        raise RequestError(400, 'send either "text" with a transcript, or "texts" with a list of them', param="text")
    texts = [body["text"]] if "text" in body else body["texts"]
    if not isinstance(texts, list) or not texts:
        raise RequestError(400, f'"texts" is {shown(texts)}; a list of transcripts is expected', param="texts")
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise RequestError(400, f"a transcript is {shown(wrong[0])}; a string is expected", param="text")
    return texts


def _cut(text: str) -> Pieces:
    try:
        return cut_text(text)
    except RequestError as error:
        return error


def _results(cut: Sequence[Pieces], answered: Iterator[tuple[str, Answer]]) -> Iterator[dict[str, Any]]:
    for pieces in cut:
        if isinstance(pieces, RequestError):
            yield pieces.content()
        else:
            yield _result([next(answered) for _ in pieces])


def _result(answered: Sequence[tuple[str, Answer]]) -> dict[str, Any]:
    scores = [scores_of(answer) for _, answer in answered]
    words = [count_words(text) for text, _ in answered]
    valid = [(each, count) for each, count in zip(scores, words, strict=True) if each is not None]
    pieces = [
        {"piece": number, "words": count, **_piece(text, answer, each)}
        for number, ((text, answer), each, count) in enumerate(zip(answered, scores, words, strict=True), start=1)
    ]
    newest = answered[-1][
        1
    ]  # where another champion came in the midst of a long text, each piece names who answered it
    return {
        **describe(newest.model),
        "decoding": newest.decoding,
        "words": sum(words),
        "english": all(piece["english"] for piece in pieces),
        "feedback": _traits(combine(*zip(*valid, strict=True)) if valid else None),
        "pieces": pieces,
    }


def describe(served: ServedModel) -> dict[str, Any]:
    """Return who answers, as answers and the list of models say it."""
    version = served.chosen.version
    return {
        "model": version.name,
        "model_id": version.model_id,
        "base": version.base.name,
        "champion": served.chosen.is_champion,
        "stand_in": version.base.stand_in,
    }


def scores_of(answer: Answer) -> TraitScores | None:
    """Return the scores of an answer; None where the model said nothing valid."""
    judgement = _judge(answer)
    strict = judgement.feedback if judgement and judgement.tier == "strict" else None
    return score_piece(strict, answer.output.distributions)


def _judge(answer: Answer) -> Judgement | None:
    return None if answer.decoding == "direct" else judge(answer.output.raw, answer.output.finish_reason)


def _piece(text: str, answer: Answer, scores: TraitScores | None) -> dict[str, Any]:
    judgement = _judge(answer)
    failure = judgement.failure if judgement else None
    return {
        "text": text,
        "model_id": answer.model.chosen.version.model_id,
        "truncated": answer.output.truncated,
        "english": seems_english(text),
        "tier": judgement.tier if judgement else None,
        "failure": failure and str(failure.code),
        "reason": failure and failure.code.sentence,
        "feedback": _traits(scores),
        "raw": answer.output.raw.decode("utf-8", "replace") if judgement else None,
    }


def _traits(scores: TraitScores | None) -> dict[str, Any] | None:
    return None if scores is None else dict(zip(TRAIT_KEYS, map(asdict, scores), strict=True))
