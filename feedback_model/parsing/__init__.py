"""Parsing of raw model output: feedback, or the first reason why not.

`judge` is the only judge of outputs, `read_answer` the only reader of a labeller's answers; both obey the same rules.
"""

from feedback_model.parsing.failures import FailureCode, Malformed
from feedback_model.parsing.judge import VALIDATOR, Judgement, judge, read_answer
from feedback_model.parsing.validation import Answer
from feedback_model.records.evaluation import Tier

__all__ = ["VALIDATOR", "Answer", "FailureCode", "Judgement", "Malformed", "Tier", "judge", "read_answer"]
