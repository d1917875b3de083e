"""A small store with plausible rows in every table, by plain inserts: what views and documented queries are tried on.

One source in each split, four transcripts; labels by one model; one training of two epochs; one evaluation on test, of
`base` (one of two outputs strictly valid) and `epoch-2` (both valid), in which `epoch-2` was promoted.
"""

from typing import Any

from sqlalchemy import Table, insert

from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.traits import SCORES, TRAIT_KEYS
from tests.builders import LABEL_SET, NOW

SET = {"label_model": LABEL_SET.label_model, "prompt_version": LABEL_SET.prompt_version}
LABELLED = {"t-train": 8, "t-validation": 6, "t-test-1": 4, "t-test-2": 7}
OUTPUTS = {
    ("base", "t-test-1"): (b'{"formality": \xc3\xa9', "none", "truncated", 14, "length"),
    ("base", "t-test-2"): (b"{six traits, all two}", "strict", None, None, "stop"),
    ("epoch-2", "t-test-1"): (b"{six traits, all five}", "strict", None, None, "stop"),
    ("epoch-2", "t-test-2"): (b"{six traits, all seven}", "strict", None, None, "stop"),
}
PREDICTED = {("base", "t-test-2"): 2, ("epoch-2", "t-test-1"): 5, ("epoch-2", "t-test-2"): 7}

FLAGGED = {"error": "http_403", "detail": "Your input was flagged."}
SPEAKERS = {
    "t-train": ("Ben Okafor", "ben okafor"),
    "t-test-1": ("Ana Ruiz", "ana ruiz"),
    "t-test-2": ("Speaker 1", None),
    "t-validation": (None, None),
}


def fill(store: Store) -> None:
    """Insert everything, in the order that foreign keys ask for."""
    with store.write() as connection:
        for table, rows in _all_rows():
            connection.execute(insert(table), rows)


def _all_rows() -> list[tuple[Table, list[dict[str, Any]]]]:
    return [*_landing(), *_labels(), *_training(), *_inference(), *_evaluation(), *_champion()]


def _landing() -> list[tuple[Table, list[dict[str, Any]]]]:
    batch = {"batch_id": "b1", "landed_at": NOW, "source": "tests", "n_accepted": 5, "n_known": 0, "n_duplicate": 1}
    common = {"source": "tests", "genre": "speech", "n_words": 120, "signature": b"", "landed_at": NOW}
    names = [(name, name.split("-")[1]) for name in LABELLED] + [("t-waiting", "train")]
    real = [
        {"transcript_id": name, "source_id": f"s-{split}", "text": f"The text of {name}.", "split": split, **common}
        | {"origin": "real", "parent_id": None, "batch_id": "b1"}
        for name, split in names
    ]
    rewritten = real[0] | {"transcript_id": "t-rewritten", "text": "Rewritten.", "origin": "augmented"}
    rewritten |= {"parent_id": "t-train", "batch_id": None}
    tombstone = real[0] | {
        "transcript_id": "t-forgotten",
        "source_id": "t-forgotten",
        "text": "",
        "source": "",
        "genre": "",
    }
    tombstone |= {"n_words": 0, "origin": "forgotten", "forgotten_at": NOW}
    reject = {"batch_id": "b1", "locator": "speeches.jsonl:7", "code": "broken_json", "reason": "no JSON"}
    return [
        (tables.lease, [{"name": "label", "owner": "host:1:1", "expires_at": 1.0}]),
        (tables.flow_run_attempt, [_attempt()]),
        (tables.batch, [batch | {"n_rejected": 1}]),
        (
            tables.transcript,
            [each | {"forgotten_at": each.get("forgotten_at")} for each in [*real, rewritten, tombstone]],
        ),
        (tables.occurrence, [_occurrence(name) for name in SPEAKERS]),
        (tables.occurrence_speaker, [_speaker(name) for name, (speaker, _) in SPEAKERS.items() if speaker]),
        (tables.retraining_decision, [_waited()]),
        (tables.reject, [reject | {"excerpt": b'{"text": '}]),
    ]


def _attempt() -> dict[str, Any]:
    return {"flow_run_id": "run-1", "attempt": 1, "owner": "host:1:1", "began_at": NOW, "superseded_at": None}


def _waited() -> dict[str, Any]:
    told = {"reason": "quiet_hours", "sentence": "5 new transcripts wait until 18:00 UTC", "decided_by": "host:1:1"}
    return {"decision_number": 1, "decided_at": NOW, "verdict": "wait", "n_new": 5, "n_batches": 1, **told}


def _occurrence(name: str) -> dict[str, Any]:
    where = {
        "occurrence_id": f"o-{name}",
        "transcript_id": name,
        "document": f"s-{name.split('-')[1]}",
        "landed_at": NOW,
    }
    times = {"start_seconds": 2.0, "end_seconds": 61.5, "language": "en"} if name == "t-test-1" else {}
    none = dict.fromkeys(("start_seconds", "end_seconds", "language"))
    return where | none | times | {"record_id": f"call-{name}", "locator": f"{name}.vtt", "piece": 1, "pieces": 1}


def _speaker(name: str) -> dict[str, Any]:
    speaker, person = SPEAKERS[name]
    return {"occurrence_id": f"o-{name}", "place": 1, "speaker": speaker, "person": person}


def _labels() -> list[tuple[Table, list[dict[str, Any]]]]:
    times = {"created_at": NOW, "updated_at": NOW}
    asked = [("label", name, None, "done") for name in LABELLED] + [("rewrite", "t-train", 2, "done")]
    asked += [("relabel", "t-rewritten", None, "failed")]
    requests = [
        {"request_id": f"{purpose}-{name}", "purpose": purpose, "transcript_id": name, **SET, "replicate": 0, **times}
        | {"target_trait": "empathy" if target else None, "target_score": target, "state": state, "attempts": 1}
        | (FLAGGED if state == "failed" else dict.fromkeys(FLAGGED))
        for purpose, name, target, state in asked
    ]
    usage = {"prompt_tokens": 600, "cached_tokens": 100, "completion_tokens": 150, "cost_usd": 0.0002}
    replies = [
        {"response_id": number, "request_id": one["request_id"], "received_at": NOW, "body": b"{}", **usage}
        for number, one in enumerate(requests, start=1)
    ]
    sends = [
        {
            "attempt_id": f"send-{one['request_id']}",
            "request_id": one["request_id"],
            "sent_at": NOW,
            "owner": "host:1:1",
        }
        | {"reserved_nanos": 600_000, "outcome": "answered", "error": None, "job_id": None}
        for one in requests
    ]
    sends[-1] |= {"outcome": "unknown", "error": "timeout", "job_id": "job-1"}
    job = {"job_id": "job-1", **SET, "purpose": "relabel", "created_at": NOW, "n_requests": 1, "input_tokens": 600}
    job |= {
        "endpoint": "https://api.openai.com/v1",
        "file_id": "file-1",
        "provider_id": "batch-1",
        "state": "collected",
        "error": None,
    }
    spent = {**SET, "spent_nanos": 1_200_000, "reserved_nanos": 0, "unknown_nanos": 600_000}
    labels = [{"transcript_id": name, **SET, "replicate": 0, "response_id": n} for n, name in enumerate(LABELLED, 1)]
    scores = [
        {"transcript_id": name, **SET, "replicate": 0, "trait": trait, "score": score, "explanation": "It is so."}
        | {"evidence": f"text of {name}", "evidence_found": True}
        for name, score in LABELLED.items()
        for trait in TRAIT_KEYS
    ]
    # The first of them were labelled again, in secret, and scored one lower.
    again = list(LABELLED)[:2]
    labels += [{"transcript_id": name, **SET, "replicate": 1, "response_id": n} for n, name in enumerate(again, 1)]
    scores += [one | {"replicate": 1, "score": one["score"] - 1} for one in scores if one["transcript_id"] in again]
    rewrite = {"request_id": "rewrite-t-train", "parent_id": "t-train", "transcript_id": "t-rewritten"}
    rewrite |= {"trait": "empathy", "target_score": 2, "relabelled_score": None, "outcome": "pending"}
    prompt = {"prompt_version": SET["prompt_version"], "name": "label", "text": "Score it.", "first_used_at": NOW}
    return [
        (tables.prompt, [prompt]),
        (tables.label_request, requests),
        (tables.label_batch, [job]),
        (tables.label_attempt, sends),
        (tables.spending, [spent]),
        (tables.label_response, replies),
        (tables.label, labels),
        (tables.label_score, scores),
        (tables.augmentation, [rewrite]),
    ]


def _training() -> list[tuple[Table, list[dict[str, Any]]]]:
    counts = {"n_train": 1, "n_validation": 1, "n_test": 2, "n_augmented": 0}
    dataset = {"dataset_id": "d1", "created_at": NOW, **SET, "path": "snapshots/d1.parquet", **counts}
    items = [{"dataset_id": "d1", "transcript_id": name, "split": name.split("-")[1]} for name in LABELLED]
    base = {"base_model": "embedded", "base_revision": "r1", "stand_in": True}
    run = {"run_id": "run1", "dataset_id": "d1", **base, "recipe_hash": "h1", "recipe": "{}", "precision": "{}"}
    run |= {"device": "cpu", "code_commit": "c1", "state": "finished", "started_at": NOW, "finished_at": NOW}
    run |= {"seconds": 60.0}
    checkpoints = [
        {"run_id": "run1", "epoch": epoch, "path": f"checkpoints/run1/epoch-{epoch}", "adapter_sha": f"a{epoch}"}
        | {"train_loss": 1.0 / epoch, "created_at": NOW}
        for epoch in (1, 2)
    ]
    steps = [{"run_id": "run1", "step": n, "epoch": n, "loss": 1.0 / n, "learning_rate": 0.007} for n in (1, 2)]
    return [
        (tables.dataset, [dataset]),
        (tables.dataset_item, items),
        (tables.training_run, [run]),
        (tables.checkpoint, checkpoints),
        (tables.training_step, steps),
    ]


def _inference() -> list[tuple[Table, list[dict[str, Any]]]]:
    base = {"base_model": "embedded", "base_revision": "r1", "stand_in": True}
    versions = [
        {"model_id": "m-base", **base, "quantised": False, "run_id": None, "epoch": None, "adapter_sha": None},
        {"model_id": "m-epoch-2", **base, "quantised": True, "run_id": "run1", "epoch": 2, "adapter_sha": "a2"},
    ]
    asked = {"decoding": "free", "prompt_version": "feedback-00000000", "max_new_tokens": 160, "device": "cpu"}
    inferences = [
        {"inference_id": f"i-{model}", "model_id": f"m-{model}", **asked, "created_at": NOW}
        for model in ("base", "epoch-2")
    ]
    outputs = [
        {"inference_id": f"i-{model}", "transcript_id": name, "raw": raw, "finish_reason": finish}
        | {"n_tokens": 90, "seconds": 0.5}
        for (model, name), (raw, _, _, _, finish) in OUTPUTS.items()
    ]
    judgements = [
        {"validator": "v1", "inference_id": f"i-{model}", "transcript_id": name, "tier": tier}
        | {"failure_code": code, "failure_offset": offset, "failure_pointer": "/formality" if code else None}
        | dict.fromkeys(TRAIT_KEYS, PREDICTED.get((model, name)))
        for (model, name), (_, tier, code, offset, _) in OUTPUTS.items()
    ]
    sure = {f"p_{score}": float(score == 5) for score in SCORES}
    distributions = [
        {"inference_id": "i-epoch-2", "transcript_id": "t-test-1", "trait": trait, **sure} for trait in TRAIT_KEYS
    ]
    return [
        (tables.model_version, versions),
        (tables.inference, inferences),
        (tables.output, outputs),
        (tables.score_distribution, distributions),
        (tables.judgement, judgements),
    ]


def _evaluation() -> list[tuple[Table, list[dict[str, Any]]]]:
    key = {"evaluation_id": "e1"}
    own = {**key, "created_at": NOW, "dataset_id": "d1", "run_id": "run1", "split": "test", "decoding": "free", **SET}
    own |= {"validator": "v1", "code_commit": "c1", "n_test": 2, "mse_constant": 8.5}
    constants = [{**key, "trait": trait, "train_mean": 8.0, "train_median": 8.0, "mse": 8.5} for trait in TRAIT_KEYS]
    base = {**key, "model": "base", "inference_id": "i-base", "valid_strict": 1, "valid_extractable": 1}
    base |= {"valid_repairable": 1, "n_common": 1, "mse_common": 25.0, "n_individual": 1, "mse_individual": 25.0}
    base |= {"mse_penalised": 20.5, "mse_lower": 12.5, "mse_upper": 30.5, "is_best_epoch": False}
    tuned = {**key, "model": "epoch-2", "inference_id": "i-epoch-2", "valid_strict": 2, "valid_extractable": 2}
    tuned |= {"valid_repairable": 2, "n_common": 1, "mse_common": 0.0, "n_individual": 2, "mse_individual": 0.5}
    tuned |= {"mse_penalised": 0.5, "mse_lower": 0.5, "mse_upper": 0.5, "is_best_epoch": True}
    traits = [
        {**key, "model": model, "trait": trait, "subset": subset, "mse": row[f"mse_{subset}"], "n_used": used}
        | {"ci_low": None, "ci_high": None, "n_total": 2, "n_missing": 2 - used}
        for model, row in (("base", base), ("epoch-2", tuned))
        for subset, used in (("common", 1), ("individual", row["n_individual"]), ("penalised", 2))
        for trait in TRAIT_KEYS
    ]
    return [
        (tables.evaluation, [own]),
        (tables.evaluation_item, [{**key, "transcript_id": name} for name in ("t-test-1", "t-test-2")]),
        (tables.evaluation_constant, constants),
        (tables.evaluation_model, [base, tuned]),
        (tables.evaluation_trait, traits),
        (tables.evaluation_metric, _metrics(key)),
        (tables.evaluation_comparison, _comparisons(key)),
        (tables.evaluation_tier, [{**key, "model": model, "tier": 1} for model in ("base", "epoch-2")]),
        (tables.evaluation_trait_comparison, _trait_comparisons(key)),
        (tables.evaluation_noise_floor, _floors(key)),
    ]


def _metrics(key: dict[str, str]) -> list[dict[str, Any]]:
    names = ("mae", "bias", "within_one", "mse_macro", "qwk", "spearman")
    figures = {
        ("base", "common"): (1, 5.0, -5.0, 0.0, 25.0, 0.0, None),
        ("base", "individual"): (1, 5.0, -5.0, 0.0, 25.0, 0.0, None),
        ("epoch-2", "common"): (1, 0.0, 0.0, 1.0, 0.0, None, None),
        ("epoch-2", "individual"): (2, 0.5, 0.5, 1.0, 0.5, 0.8, 1.0),
    }
    return [
        {**key, "model": model, "trait": trait, "subset": subset, "metric": metric, "value": value, "n_used": used}
        | {"n_total": 2, "n_missing": 2 - used}
        for (model, subset), (used, *values) in figures.items()
        for metric, value in zip(names, values, strict=True)
        for trait in TRAIT_KEYS
    ]


def _floors(key: dict[str, str]) -> list[dict[str, Any]]:
    known = {"floor": 0.5, "ci_low": 0.0, "ci_high": 1.5, "n_used": 2, "n_total": 4, "n_missing": 2}
    return [{**key, "trait": trait} | known for trait in ("all", *TRAIT_KEYS)]


def _trait_comparisons(key: dict[str, str]) -> list[dict[str, Any]]:
    pair = {**key, "model": "epoch-2", "other": "base", "measure": "common", "difference": -25.0, "p_value": 1.0}
    pair |= {"ci_low": None, "ci_high": None, "p_adjusted": 1.0, "distinguishable": False}
    return [pair | {"trait": trait, "n_used": 1, "n_total": 2, "n_missing": 1} for trait in TRAIT_KEYS]


def _comparisons(key: dict[str, str]) -> list[dict[str, Any]]:
    pair = {**key, "model": "epoch-2", "other": "base", "ci_low": None, "ci_high": None, "p_value": 1.0}
    pair |= {"p_adjusted": 1.0, "distinguishable": False, "margin": None, "p_non_inferior": None, "n_total": 2}
    known, missing = {"bound_low": -30.0, "bound_high": -12.0}, {"bound_low": None, "bound_high": None}
    return [
        pair | known | {"measure": "penalised", "difference": -20.0, "n_used": 2, "n_missing": 0},
        pair | known | {"measure": "common", "difference": -25.0, "n_used": 1, "n_missing": 1},
        pair | missing | {"measure": "validity", "difference": 0.5, "n_used": 2, "n_missing": 0},
    ]


def _champion() -> list[tuple[Table, list[dict[str, Any]]]]:
    rules = {"rules_number": 1, "rules_id": "r1", "version": "gate-3", "rules": "{}", "fixed_at": NOW}
    judged = {"created_at": NOW, "evaluation_id": "e1", "reported_evaluation_id": "e1", "verdict": "promote"}
    judged |= {"rules_number": 1, "rules_fixed_at": NOW, "predicted_at": NOW, "reasons": '["it beats the constant"]'}
    decisions = [
        judged | {"decision_id": f"c{n}", "model_id": model, "champion_id": before}
        for n, model, before in ((1, "m-base", None), (2, "m-epoch-2", "m-base"))
    ]
    found = {"decision_id": "c2", "outcome": "pass", "figure": -8.0, "ci_low": -9.0, "ci_high": -7.0, "threshold": 0.0}
    found |= {"evaluation_id": "e1"}
    evidence = [
        found | {"place": 1, "rule": "constant", "trait": None, "sentence": "It beats the constant predictor."},
        found | {"place": 2, "rule": "trait", "trait": "empathy", "sentence": "Empathy is no worse."},
    ]
    promotions = [
        {"promotion_id": n, "promoted_at": f"2026-11-2{n}T00:00:00.000000+00:00", "decision_id": f"c{min(n, 2)}"}
        | {"kind": "promote", "promoted_by": "gate-3", "reason": None, "model_id": model, "verdict": "promote"}
        for n, model in ((1, "m-base"), (2, "m-epoch-2"), (3, "m-base"), (4, "m-epoch-2"))
    ]
    promotions[2] |= {"decision_id": "c1", "kind": "rollback", "promoted_by": "ada@host", "reason": "too kind"}
    promotions[3] |= {"kind": "rollback", "promoted_by": "ada@host", "reason": "not its fault"}
    return [
        (tables.promotion_rules, [rules]),
        (tables.decision, decisions),
        (tables.evidence, evidence),
        (tables.promotion, promotions),
    ]
