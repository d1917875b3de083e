"""Make rare score levels of the train part less rare."""

from prefect import flow

from eval.report.run_pages import phrase_rewrites
from feedback_model.augmentation.augment import AugmentationSummary
from flows.parameters import DEFAULT_LABELLER, DEFAULT_SHARE, Labeller, Seed, Share
from tasks.augmentation import augment_rare_scores
from tasks.endings import completed


@flow(
    name="augment", flow_run_name="augment with {labeller}", description="Rewrite towards rare scores, relabel blind."
)
async def augment(
    labeller: Labeller = DEFAULT_LABELLER, share: Share = DEFAULT_SHARE, seed: Seed = 0
) -> AugmentationSummary:
    """Have real train transcripts rewritten towards rare scores; keep what a blind relabelling confirms."""
    summary = await augment_rare_scores(labeller, share, seed)
    return completed(summary, phrase_rewrites(summary.accepted, summary.ordered, summary.cost_usd))
