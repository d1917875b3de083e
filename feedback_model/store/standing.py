"""Whether an evaluation's figures still follow from the rows beneath it. Knows nothing of how they came to differ."""

import math

from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Evaluation
from feedback_model.store.reading import select_rows
from feedback_model.traits import TRAIT_KEYS

_TOLERANCE = 1e-9  # relative; the same squares summed in another order differ by less
_FROM_RAW_ROWS = """
SELECT model, COUNT(predicted_score) AS n_scores,
       AVG((predicted_score - label_score) * (predicted_score - label_score)) AS mse
FROM prediction_scores
WHERE evaluation_id = :evaluation_id
GROUP BY model
"""


def stands(store: Store, evaluation: Evaluation) -> bool:
    """Whether every model's individual MSE, and what it is a mean of, come out of labels and judgements again.

    They do not where outputs were asked for again and nobody has measured since, whatever stopped them.
    """
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
