"""Final states with a sentence for whoever looks at the run in the UI."""

from typing import TypeVar, cast

from prefect.states import Completed

Value = TypeVar("Value")


def completed(value: Value, message: str) -> Value:
    """Return `value` to the caller of a flow and show `message` as the state of its run."""
    return cast("Value", Completed(data=value, message=message))
