"""The models under evaluation (base, NF4 base, every epoch, the champion), and which of them answers a user."""

from dataclasses import dataclass

from feedback_model.errors import MissingStage
from feedback_model.inference.infer import model_versions
from feedback_model.records.evaluation import Decoding
from feedback_model.records.training import ModelVersion, TrainingRun
from feedback_model.store.connection import Store
from feedback_model.store.evaluations import latest_evaluation, serving_decoding
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


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """Model that a text is given to, and whether it is the champion."""

    version: ModelVersion
    is_champion: bool
    decoding: Decoding = "free"
    """The champion's own; of others the way of asking that writes its feedback best, by what was measured on validation."""


def choose_model(store: Store, name: str | None = None) -> ChosenModel:
    """Return the model that is meant by `name`; by default the champion, or as long as there is none, the best epoch.

    Args:
        name: `champion`, a name in the latest evaluation (`epoch-2`, `base`, `base-nf4`), or a model id.

    Raises:
        MissingStage: there is no such model yet.
    """
    present = champion(store)
    promoted = present.model_id if present else None
    model_id = _default_id(store, promoted) if name is None else _id_of(store, name, promoted)
    if present and model_id == present.model_id:
        return ChosenModel(model_version_of(store, model_id), is_champion=True, decoding=present.decoding)
    return ChosenModel(model_version_of(store, model_id), is_champion=False, decoding=serving_decoding(store, model_id))


def _default_id(store: Store, promoted: str | None) -> str:
    if promoted is not None:
        return promoted
    latest = latest_evaluation(store)
    if latest is None:
        raise MissingStage("no model has been trained and evaluated yet; run `feedback run`")
    if latest.best_epoch is None:
        raise MissingStage(
            f"no model has been promoted, and no epoch of training run {latest.run_id} was measured; "
            "run `feedback evaluate`, or name a model with --model"
        )
    return latest.best_epoch.model_id


def _id_of(store: Store, name: str, promoted: str | None) -> str:
    if name == "champion":
        if promoted is None:
            raise MissingStage("there is no champion yet; run `feedback run`, or name a model with --model")
        return promoted
    latest = latest_evaluation(store)
    found = latest.model(name) if latest else None
    return found.model_id if found else name
