"""Builders: the smallest valid thing of each kind, with what a test cares about in its arguments."""

from collections.abc import Sequence
from typing import Any

from feedback_model.feedback import DEFAULT_ORDER, AnswerOrder, Feedback, TraitFeedback, render_answer
from feedback_model.records.exports import ExportManifest
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import LabelledTranscript, LabellingConfig
from feedback_model.records.transcripts import Split, Transcript
from feedback_model.store.bulk import insert_missing
from feedback_model.store.connection import Store
from feedback_model.store.tables import label, label_request, label_response, label_score
from feedback_model.store.transcripts import NewTranscript, add_transcripts
from feedback_model.traits import TRAIT_KEYS
from feedback_model.transcripts.near_duplicates import signature_of

LABEL_SET = LabellingConfig("gpt-4o-mini", "label-00000000")
NOW = "2026-11-24T00:00:00.000000+00:00"


def a_transcript(text: str = "Well, I think we should begin.", *, split: Split = "train", **fields: str) -> Transcript:
    """A real transcript of its own source, unless told otherwise."""
    name = content_id("transcript", text)
    return Transcript(
        **{"transcript_id": name, "source_id": name, "text": text, "source": "tests", "genre": "", **fields},
        split=split,
    )


def a_feedback(*scores: int) -> Feedback:
    """Feedback with `scores` in the order of the traits; fives where none are given."""
    given = scores or (5,) * len(TRAIT_KEYS)
    return Feedback(tuple(TraitFeedback(score, f"It deserves a {score}.") for score in given))


def an_answer(*scores: int, evidence: str = "", order: AnswerOrder = DEFAULT_ORDER) -> str:
    """A labeller's answer with `scores`, that quotes the same for each trait."""
    return render_answer(a_feedback(*scores), (evidence,) * len(TRAIT_KEYS), order)


def a_labelled(transcript_id: str, source_id: str, scores: Sequence[int], **fields: str) -> LabelledTranscript:
    """A labelled transcript of which only its ids and scores matter, unless told otherwise."""
    usual = {"text": "", "split": "test", "origin": "real"}
    return LabelledTranscript(transcript_id, source_id, feedback=a_feedback(*scores), **(usual | fields))  # type: ignore[arg-type]


def a_speech(number: int, words: int = 40) -> str:
    """A text of `words` words unlike that of any other `number`."""
    letters = str.maketrans("0123456789", "abcdefghij")
    return " ".join(f"w{number}x{position}".translate(letters) for position in range(words)) + "."


def store_transcripts(store: Store, transcripts: Sequence[Transcript]) -> None:
    """Put transcripts into the database as a landing would."""
    add_transcripts(store, [NewTranscript(one, len(one.text.split()), signature_of(one.text)) for one in transcripts])


def store_label(
    store: Store,
    transcript_id: str,
    feedback: Feedback,
    labelling_config: LabellingConfig = LABEL_SET,
    expected: tuple[float, ...] | None = None,
) -> None:
    """Label a stored transcript, with the request and the reply that a label stands on."""
    asked = {
        "label_model": labelling_config.label_model,
        "prompt_version": labelling_config.prompt_version,
        "replicate": 0,
    }
    request_id = content_id("label", transcript_id, asked)
    key = {"transcript_id": transcript_id, **asked}
    with store.write() as connection:
        state = {"purpose": "label", "state": "done", "attempts": 1, "created_at": NOW, "updated_at": NOW}
        insert_missing(connection, label_request, [{"request_id": request_id, **key, **state}])
        reply_row = {"request_id": request_id, "received_at": NOW, "body": b"{}", "finish_reason": "stop"}
        tokens = {"prompt_tokens": 600, "cached_tokens": 0, "completion_tokens": 150, "cost_usd": 0.00018}
        (reply_id,) = connection.execute(label_response.insert().values(**reply_row, **tokens)).inserted_primary_key
        insert_missing(connection, label, [{**key, "response_id": reply_id}])
        insert_missing(
            connection,
            label_score,
            [
                {
                    **key,
                    "trait": trait,
                    "score": feedback[trait].score,
                    "explanation": feedback[trait].explanation,
                    "expected_score": mean,
                }
                for trait, mean in zip(TRAIT_KEYS, expected or (None,) * len(TRAIT_KEYS), strict=True)
            ],
        )


def a_manifest(**fields: Any) -> ExportManifest:
    """The manifest of a quantised export that nothing was measured of, unless told otherwise."""
    usual: dict[str, Any] = {
        "name": "epoch-3-gguf-q8_0",
        "model_id": "variant",
        "champion": False,
        "champion_reason": "epoch-3 is not the champion.",
        "format": "gguf",
        "weights": "q8_0",
        "original": "epoch-3",
        "original_model_id": "original",
        "run_id": "run-1",
        "epoch": 3,
        "adapter_sha": "adapter",
        "base_model": "embedded",
        "base_revision": "abc",
        "quantised": True,
        "stand_in": True,
        "prompt_version": "feedback-12345678",
        "weights_sha": "weights",
        "asked_as_trained": True,
        "tax": (),
        "created_at": NOW,
        "code_commit": "0123456",
        "tools": {"gguf": "0.19.0"},
    }
    return ExportManifest(**{**usual, **fields})
