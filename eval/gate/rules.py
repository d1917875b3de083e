"""The rules in the code. Changing a number here changes what trainings after the change are judged by, and only those."""

from typing import Final

from feedback_model.store.decision_records import PromotionRules

RULES: Final = PromotionRules(
    version="gate-2",
    alpha=0.05,  # as the intervals of the reports
    validity_floor=0.9,  # of ten people who ask, nine get an answer
    trait_margin=1.0,  # one point off on every transcript
)
