"""Parsing of raw model output: feedback, or the first reason why not.

`judge` is the only judge of outputs and of label responses.
"""

from feedback_model.parsing.failures import FailureCode, Malformed
from feedback_model.parsing.judge import VALIDATOR, Judgement, judge
from feedback_model.records.evaluation import Tier

__all__ = ["VALIDATOR", "FailureCode", "Judgement", "Malformed", "Tier", "judge"]
