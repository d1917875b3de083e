"""Evaluations in SQL: written by `eval`, read by every report."""

import math
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, get_args

from sqlalchemy import Connection, Select, Table, delete, select

from feedback_model.records.evaluation import (
    SUBSETS,
    Comparison,
    Decoding,
    Evaluation,
    Measure,
    Metric,
    MetricResult,
    ModelResult,
    NoiseFloor,
    TraitComparison,
    TraitConstant,
    TraitResult,
)
from feedback_model.records.training import model_order
from feedback_model.records.transcripts import Split
from feedback_model.store import tables
from feedback_model.store.bulk import insert_missing, upsert
from feedback_model.store.connection import Store
from feedback_model.store.forgetting import evaluations_of_forgotten
from feedback_model.store.readonly_sql import select_rows
from feedback_model.traits import TRAIT_KEYS


def _names(record: type[Any], *elsewhere: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name not in elsewhere)


_OWN_FIELDS = _names(Evaluation, "models", "constants", "comparisons", "trait_comparisons", "noise_floors")

_MODEL_FIELDS = _names(ModelResult, "model_id", "traits", "metrics", "tier")

_TRAIT_FIELDS = _names(TraitResult)

_METRIC_FIELDS = _names(MetricResult)

_CONSTANT_FIELDS = _names(TraitConstant)

_COMPARISON_FIELDS = _names(Comparison)

_TRAIT_COMPARISON_FIELDS = _names(TraitComparison)

_FLOOR_FIELDS = _names(NoiseFloor)

_MEASURES: tuple[Measure, ...] = get_args(Measure)

_METRICS: tuple[Metric, ...] = get_args(Metric)

_MODELS = (
    select(tables.evaluation_model, tables.inference.c.model_id, tables.evaluation_tier.c.tier)
    .join(tables.inference, tables.inference.c.inference_id == tables.evaluation_model.c.inference_id)
    .outerjoin(
        tables.evaluation_tier,
        (tables.evaluation_tier.c.evaluation_id == tables.evaluation_model.c.evaluation_id)
        & (tables.evaluation_tier.c.model == tables.evaluation_model.c.model),
    )
)


_OF_VARIANTS = (
    select(tables.evaluation_model.c.evaluation_id)
    .join(tables.inference, tables.inference.c.inference_id == tables.evaluation_model.c.inference_id)
    .join(tables.model_version, tables.model_version.c.model_id == tables.inference.c.model_id)
    .where(tables.model_version.c.variant.is_not(None))
)


def models_of_inferences(store: Store, inference_ids: Iterable[str]) -> dict[str, str]:
    """Return the model id behind each inference id."""
    inference = tables.inference
    query = select(inference.c.inference_id, inference.c.model_id).where(
        inference.c.inference_id.in_(list(inference_ids))
    )
    with store.read() as connection:
        return {row.inference_id: row.model_id for row in connection.execute(query)}


def save_evaluation(store: Store, evaluation: Evaluation, transcript_ids: Iterable[str]) -> None:
    """Write all rows of `evaluation` in one transaction, in place of those that stand under its id."""
    children = _child_rows(evaluation, transcript_ids)
    own = {name: getattr(evaluation, name) for name in _OWN_FIELDS}
    with store.write() as connection:
        for table in reversed(children):
            connection.execute(delete(table).where(table.c.evaluation_id == evaluation.evaluation_id))
        upsert(connection, tables.evaluation, [own], ["evaluation_id"])
        for table, rows in children.items():
            insert_missing(connection, table, rows)


def _child_rows(evaluation: Evaluation, transcript_ids: Iterable[str]) -> dict[Table, list[dict[str, Any]]]:
    """Return the rows of each table beneath `evaluation`, in the order that foreign keys ask for."""
    key, models = {"evaluation_id": evaluation.evaluation_id}, evaluation.models
    return {
        tables.evaluation_item: [key | {"transcript_id": name} for name in transcript_ids],
        tables.evaluation_constant: [key | asdict(constant) for constant in evaluation.constants],
        tables.evaluation_model: [key | _model_columns(model) for model in models],
        tables.evaluation_trait: [
            key | {"model": model.model} | asdict(trait) for model in models for trait in model.traits
        ],
        tables.evaluation_metric: [
            key | {"model": model.model} | asdict(metric) for model in models for metric in model.metrics
        ],
        tables.evaluation_tier: [key | _only(asdict(model), ("model", "tier")) for model in models if model.tier],
        tables.evaluation_comparison: [key | asdict(comparison) for comparison in evaluation.comparisons],
        tables.evaluation_trait_comparison: [key | asdict(each) for each in evaluation.trait_comparisons],
        tables.evaluation_noise_floor: [key | asdict(floor) for floor in evaluation.noise_floors],
    }


def _model_columns(model: ModelResult) -> dict[str, Any]:
    worst = model.worst_trait
    derived = {"worst_trait": None, "mse_worst_trait": None}
    if worst is not None:
        derived = {"worst_trait": worst.trait, "mse_worst_trait": worst.mse}
    return {name: getattr(model, name) for name in _MODEL_FIELDS} | derived


def read_evaluation(store: Store, evaluation_id: str) -> Evaluation | None:
    """Return the evaluation under `evaluation_id`, if there is one."""
    with store.read() as connection:
        own = _rows(connection, select(tables.evaluation), evaluation_id)
        if not own:
            return None
        models = _rows(connection, _MODELS, evaluation_id)
        traits = _rows(connection, select(tables.evaluation_trait), evaluation_id)
        metrics = _rows(connection, select(tables.evaluation_metric), evaluation_id)
        constants = _rows(connection, select(tables.evaluation_constant), evaluation_id)
        comparisons = _rows(connection, select(tables.evaluation_comparison), evaluation_id)
        by_trait = _rows(connection, select(tables.evaluation_trait_comparison), evaluation_id)
        floors = _rows(connection, select(tables.evaluation_noise_floor), evaluation_id)
    results = [_model_result(row, _of(row["model"], traits), _of(row["model"], metrics)) for row in models]
    return Evaluation(
        **own[0],
        models=tuple(sorted(results, key=lambda result: model_order(result.model))),
        constants=tuple(TraitConstant(**_only(row, _CONSTANT_FIELDS)) for row in sorted(constants, key=_place)),
        comparisons=tuple(
            Comparison(**_only(row, _COMPARISON_FIELDS)) for row in sorted(comparisons, key=_place_of_pair)
        ),
        trait_comparisons=tuple(
            TraitComparison(**_only(row, _TRAIT_COMPARISON_FIELDS)) for row in sorted(by_trait, key=_place_of_pair)
        ),
        noise_floors=tuple(NoiseFloor(**_only(row, _FLOOR_FIELDS)) for row in sorted(floors, key=_place_of_floor)),
    )


def _rows(connection: Connection, query: Select[Any], evaluation_id: str) -> list[dict[str, Any]]:
    column = query.selected_columns["evaluation_id"]
    return [dict(row) for row in connection.execute(query.where(column == evaluation_id)).mappings()]


def _of(model: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["model"] == model]


def _model_result(
    row: dict[str, Any], traits: Iterable[dict[str, Any]], metrics: Iterable[dict[str, Any]]
) -> ModelResult:
    return ModelResult(
        **_only(row, _MODEL_FIELDS),
        model_id=row["model_id"],
        traits=tuple(TraitResult(**_only(trait, _TRAIT_FIELDS)) for trait in sorted(traits, key=_place)),
        metrics=tuple(MetricResult(**_only(metric, _METRIC_FIELDS)) for metric in sorted(metrics, key=_place)),
        tier=row["tier"],
    )


def _only(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _place(row: dict[str, Any]) -> tuple[int, ...]:
    subset = SUBSETS.index(row["subset"]) if "subset" in row else 0
    metric = _METRICS.index(row["metric"]) if "metric" in row else 0
    return subset, TRAIT_KEYS.index(row["trait"]), metric


def _place_of_floor(row: dict[str, Any]) -> int:
    return -1 if row["trait"] == "all" else TRAIT_KEYS.index(row["trait"])


def _place_of_pair(row: dict[str, Any]) -> tuple[int | str, ...]:
    trait = TRAIT_KEYS.index(row["trait"]) if "trait" in row else 0
    return _MEASURES.index(row["measure"]), *model_order(row["other"]), *model_order(row["model"]), trait


def latest_evaluation(store: Store, split: Split = "test") -> Evaluation | None:
    """Return the newest evaluation of free answers on `split`, if there is one; of variants none counts."""
    table = tables.evaluation
    query = (
        select(table.c.evaluation_id)
        .where(table.c.split == split, table.c.decoding == "free", table.c.evaluation_id.not_in(_OF_VARIANTS))
        .order_by(table.c.created_at.desc())
        .limit(1)
    )
    with store.read() as connection:
        newest = connection.execute(query).scalar()
    return None if newest is None else read_evaluation(store, newest)


def serving_decoding(store: Store, model_id: str) -> Decoding:
    """Return the way of asking that writes a model's feedback best: on the newest validation part, the least bound of the MSE.

    The bound counts outputs that say nothing valid at the worst that they may be; their silence gains a model nothing. `free`
    where nothing else was measured there, or nothing was less.
    """
    evaluation, measured, asked = tables.evaluation, tables.evaluation_model, tables.inference
    query = (
        select(evaluation.c.dataset_id, evaluation.c.decoding, measured.c.mse_upper)
        .join_from(evaluation, measured, measured.c.evaluation_id == evaluation.c.evaluation_id)
        .join(asked, asked.c.inference_id == measured.c.inference_id)
        .where(asked.c.model_id == model_id, evaluation.c.split == "validation")
        .where(evaluation.c.decoding.in_(("free", "template")), measured.c.mse_upper.is_not(None))
        .order_by(evaluation.c.created_at)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    bounds: dict[Decoding, float] = {
        row.decoding: row.mse_upper for row in rows if row.dataset_id == rows[-1].dataset_id
    }
    ways: tuple[Decoding, ...] = ("free", "template")
    return min(ways, key=lambda way: bounds.get(way, float("inf")))


_TOLERANCE = 1e-9  # relative; the same squares summed in another order differ by less

_FROM_RAW_ROWS = """
SELECT model, COUNT(predicted_score) AS n_scores,
       AVG((predicted_score - label_score) * (predicted_score - label_score)) AS mse
FROM prediction_scores
WHERE evaluation_id = :evaluation_id
GROUP BY model
"""


def is_current(store: Store, evaluation: Evaluation) -> bool:
    """Check that every model's individual MSE, and the rows beneath it, come out of labels and judgements again.

    They do not where outputs were asked for again and nobody has measured since, whatever stopped them. An evaluation of whose
    transcripts some were forgotten stays as it was measured.
    """
    if evaluations_of_forgotten(store, evaluation.evaluation_id):
        return True
    rows = select_rows(store, _FROM_RAW_ROWS, evaluation_id=evaluation.evaluation_id)
    found = {row["model"]: (row["n_scores"], row["mse"]) for row in rows}
    return all(
        _same(found.get(model.model, (0, None)), (model.n_individual * len(TRAIT_KEYS), model.mse_individual))
        for model in evaluation.models
    )


def _same(found: tuple[int, float | None], stored: tuple[int, float | None]) -> bool:
    if found[0] != stored[0] or found[1] is None or stored[1] is None:
        return found == stored
    return math.isclose(found[1], stored[1], rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
