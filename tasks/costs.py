"""The page with what a run paid for labels, and what was paid so far."""

from eval.report.run_pages import cost_markdown
from feedback_model.store.connection import Store
from feedback_model.store.labels import read_labelling_costs
from tasks.artifacts import show


async def show_costs(store: Store, this_run: str) -> None:
    """Show what was paid for in all, below a sentence about this run."""
    await show("cost", cost_markdown(this_run, read_labelling_costs(store)), this_run)
