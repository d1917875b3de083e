"""The two modes of labelling: at once, and through the Batch API."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from feedback_model.errors import LabellerError
from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.label_run import LabelCounts
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.records.labels import LabellingConfig, LabelMode
from feedback_model.settings import Settings
from feedback_model.store import label_batches
from feedback_model.store.connection import Store


async def label_now(
    store: Store,
    labeller: OpenAILabeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int | None = None,
    **options: Any,
) -> LabelCounts:
    """Label what is missing at once, and fail where batches still have labels under way.

    Raises:
        LabellerError: as `label_missing`, or everything else is labelled and batches are still under way.
    """
    counts = await label_missing(store, labeller, labelling_config, settings, limit=limit, **options)
    jobs = await asyncio.to_thread(label_batches.open_jobs, store, "label") if limit is None else []
    if waiting := sum(job.n_requests for job in jobs if job.labelling_config == labelling_config):
        raise LabellerError(
            f"{counts.labelled} labels were bought; {waiting} more were handed in as batches and are not bought at once as "
            "well: run `feedback label --mode batch`, which waits for them"
        )
    return counts


LABELLING: Final[Mapping[LabelMode, Callable[..., Awaitable[LabelCounts]]]] = {
    "now": label_now,
    "batch": label_in_batches,
}
"""Labelling by mode; both take the same arguments, and each resumes what the other left."""
