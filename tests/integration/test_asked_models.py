"""Whether somebody asks a model at this moment is seen by its lease."""

from feedback_model.inference.infer import inference_id_of, is_asked
from feedback_model.prompts import prompt_version
from feedback_model.records.training import BaseModel, ModelVersion
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold

MODEL = ModelVersion("base", BaseModel("embedded", "nowhere", "sha", stand_in=True), quantised=False)


def test_a_model_is_asked_while_its_lease_is_held(store: Store) -> None:
    asked = inference_id_of(MODEL, "free", prompt_version("feedback"), 7)
    with hold(store, f"infer:{asked}", "asks the same model"):
        assert is_asked(store, MODEL, "free", 7)
        assert not is_asked(store, MODEL, "direct", 7)
    assert not is_asked(store, MODEL, "free", 7)
