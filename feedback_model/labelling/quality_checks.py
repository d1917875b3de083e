"""Metamorphic checks of a labeller: changed copies of real transcripts, labelled blind, against the labels of the originals.

Copies are labelled through the same requests as anything else, so a second check pays for nothing. They are kept as augmented
transcripts that no rewrite was accepted as, and so never enter a dataset, a plan or an evaluation.
"""

import asyncio
from collections.abc import Mapping

from feedback_model.errors import MissingStage
from feedback_model.labelling.label import LABEL_HANDLER
from feedback_model.labelling.label_run import run_requests
from feedback_model.labelling.labeller import Labeller
from feedback_model.labelling.metamorphic import CHECKS
from feedback_model.labelling.recovery import process_unprocessed, recover_attempts
from feedback_model.progress import track
from feedback_model.records.labels import LabelCheck, LabellingConfig, ScorePair
from feedback_model.settings import Settings
from feedback_model.store import label_claims, label_requests
from feedback_model.store.augmentations import Descendant, enter_copies
from feedback_model.store.connection import Store
from feedback_model.store.labels import labelled_transcripts
from feedback_model.traits import TRAIT_KEYS
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.documents import transcript_id_of
from feedback_model.transcripts.near_duplicates import signature_of


async def check_labels(
    store: Store,
    labeller: Labeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int = 20,
    seed: int = 0,
) -> dict[str, list[ScorePair]]:
    """Label the changed copies and pair their scores, by check; at most `limit` each, in the order of their ids.

    Raises:
        MissingStage: no train transcript of this labelling configuration lends itself to any check.
        LabellerError, ConfigurationError, Interrupted: as for labels; a rerun goes on.
    """
    copies = await asyncio.to_thread(_copies, store, labelling_config, limit, seed)
    parents = {text: parent for pairs in copies.values() for parent, text in pairs.items()}
    if not parents:
        raise MissingStage(
            f"no train transcript that {labelling_config.label_model} has labelled lends itself to a check; "
            "run `feedback label` first"
        )
    await asyncio.to_thread(enter_copies, store, [_descendant(parent, text) for text, parent in parents.items()])
    rows = [label_requests.request_row("relabel", transcript_id_of(text), labelling_config) for text in parents]
    await asyncio.to_thread(label_requests.enqueue, store, rows)
    await recover_attempts(store, labeller, labelling_config.label_model, {"relabel": LABEL_HANDLER})
    await asyncio.to_thread(process_unprocessed, store, "relabel", LABEL_HANDLER)
    await asyncio.to_thread(label_claims.free_dead_claims, store)
    tracker = track("check labels", len(rows))
    await run_requests(
        store,
        labeller,
        labelling_config,
        "relabel",
        LABEL_HANDLER,
        concurrency=settings.label_concurrency,
        tracker=tracker,
    )
    return await asyncio.to_thread(_pairs, store, labelling_config, copies)


def _descendant(parent: str, text: str) -> Descendant:
    return Descendant(transcript_id_of(text), parent, text, count_words(text), signature_of(text))


def _copies(store: Store, labelling_config: LabellingConfig, limit: int, seed: int) -> dict[str, dict[str, str]]:
    """Make the changed texts of every check, by the id of the transcript each was made of."""
    train = labelled_transcripts(store, labelling_config, split="train", real_only=True)
    train.sort(key=lambda each: each.transcript_id)  # a hash of the text: the longest or best would be a choice
    return {
        check.name: _of_check(check, {each.transcript_id: each.text for each in train}, limit, seed) for check in CHECKS
    }


def _of_check(check: LabelCheck, texts: Mapping[str, str], limit: int, seed: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in texts.items():
        changed = check.change(text, seed) if len(found) < limit else None
        if changed is not None:
            found[name] = changed
    return found


def _pairs(
    store: Store, labelling_config: LabellingConfig, copies: Mapping[str, Mapping[str, str]]
) -> dict[str, list[ScorePair]]:
    made = [(parent, transcript_id_of(text)) for pairs in copies.values() for parent, text in pairs.items()]
    names = {name for both in made for name in both}
    labels = {each.transcript_id: each for each in labelled_transcripts(store, labelling_config, ids=names)}
    pairs: dict[str, list[ScorePair]] = {}
    for check in CHECKS:
        trait = TRAIT_KEYS.index(check.trait)
        known = [
            (labels[parent], labels[transcript_id_of(text)])
            for parent, text in copies[check.name].items()
            if parent in labels and transcript_id_of(text) in labels
        ]
        pairs[check.name] = [ScorePair(old.source_id, old.scores[trait], new.scores[trait]) for old, new in known]
    return pairs
