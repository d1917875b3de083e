"""The models under evaluation: base, NF4 base, every epoch, and the champion."""

from feedback_model.inference.infer import model_versions
from feedback_model.records.training import ModelVersion, TrainingRun
from feedback_model.store.connection import Store
from feedback_model.store.promotions import champion
from feedback_model.store.training import model_version_of


def models_of(store: Store, run: TrainingRun) -> dict[str, ModelVersion]:
    """Return the models by name: `base`, `base-nf4`, `epoch-1`, ..., and the champion if another run made it.

    A retired champion is left out.
    """
    models = {model.name: model for model in model_versions(run.base, run)}
    present = champion(store)
    if present is None or present.model_id in {model.model_id for model in models.values()}:
        return models
    if present.is_retired(run.base):
        return models
    return models | {"champion": model_version_of(store, present.model_id)}
