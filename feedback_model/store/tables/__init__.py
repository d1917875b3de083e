"""Every table of the store, a file per stage; views over them are the `.sql` files in `views/`.

The same definitions serve SQLite and PostgreSQL. Raw outputs and responses are bytes, because PostgreSQL text refuses U+0000.
Times are ISO 8601 strings in UTC: they sort, compare and read alike in both databases.
"""

from feedback_model.store.tables.champion import decision, evidence, promotion, promotion_rules
from feedback_model.store.tables.datasets import dataset, dataset_item
from feedback_model.store.tables.definitions import Serial, flow_run_attempt, lease, metadata
from feedback_model.store.tables.evaluation import (
    evaluation,
    evaluation_comparison,
    evaluation_constant,
    evaluation_item,
    evaluation_metric,
    evaluation_model,
    evaluation_noise_floor,
    evaluation_tier,
    evaluation_trait,
    evaluation_trait_comparison,
)
from feedback_model.store.tables.inference import inference, judgement, model_version, output, score_distribution
from feedback_model.store.tables.labels import (
    augmentation,
    label,
    label_attempt,
    label_batch,
    label_request,
    label_response,
    label_score,
    prompt,
    spending,
)
from feedback_model.store.tables.training import checkpoint, training_run, training_step
from feedback_model.store.tables.transcripts import (
    batch,
    occurrence,
    occurrence_speaker,
    reject,
    retraining_decision,
    transcript,
)

__all__ = [
    "Serial",
    "augmentation",
    "batch",
    "checkpoint",
    "dataset",
    "dataset_item",
    "decision",
    "evaluation",
    "evaluation_comparison",
    "evaluation_constant",
    "evaluation_item",
    "evaluation_metric",
    "evaluation_model",
    "evaluation_noise_floor",
    "evaluation_tier",
    "evaluation_trait",
    "evaluation_trait_comparison",
    "evidence",
    "flow_run_attempt",
    "inference",
    "judgement",
    "label",
    "label_attempt",
    "label_batch",
    "label_request",
    "label_response",
    "label_score",
    "lease",
    "metadata",
    "model_version",
    "occurrence",
    "occurrence_speaker",
    "output",
    "promotion",
    "promotion_rules",
    "prompt",
    "reject",
    "retraining_decision",
    "score_distribution",
    "spending",
    "training_run",
    "training_step",
    "transcript",
]
