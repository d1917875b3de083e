"""Dataset versions: all usable labels of one labelling configuration, frozen as a Parquet file that its content names.

One row is one transcript: ids, split, origin, text, and per trait its score and, as `<trait>_explanation`, the reason; where a
labeller told how likely it held each score, their mean as `<trait>_expected`.
"""

import os
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from feedback_model.errors import InputError, MissingStage, StoreError
from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Dataset, LabelledTranscript, LabellingConfig
from feedback_model.records.transcripts import SPLITS, Split
from feedback_model.settings import Settings
from feedback_model.store.burial import tombstones
from feedback_model.store.connection import Store
from feedback_model.store.datasets import count_sources, record_dataset, splits_of_dataset
from feedback_model.store.labels import labelled_transcripts
from feedback_model.store.transcripts import splits_of_persons
from feedback_model.traits import TRAIT_KEYS

if TYPE_CHECKING:
    import polars

_EXPECTED: Final = tuple(f"{key}_expected" for key in TRAIT_KEYS)


def snapshot(store: Store, settings: Settings, labelling_config: LabellingConfig) -> Dataset:
    """Freeze what is labelled now as a dataset version; the same labels make the same version.

    Raises:
        MissingStage: nothing has landed, or nothing is labelled.
        InputError: a split would be empty.
        StoreError: the file cannot be written.
    """
    examples = labelled_transcripts(store, labelling_config, usable=True)
    counts: Counter[Split] = Counter(example.split for example in examples)
    _demand_all_splits(store, labelling_config, counts)
    dataset_id = _id_of(labelling_config, examples)
    path = settings.snapshots / f"{dataset_id}.parquet"
    if not path.exists():
        _publish(_table(examples), path)
    version = Dataset(
        dataset_id,
        labelling_config,
        path.relative_to(settings.home).as_posix(),
        n_train=counts["train"],
        n_validation=counts["validation"],
        n_test=counts["test"],
        n_augmented=sum(example.origin == "augmented" for example in examples),
    )
    record_dataset(store, version, examples)
    return version


def restore_snapshot(store: Store, settings: Settings, dataset: Dataset) -> None:
    """Write the file of a dataset version where this home lacks it, from the database; one that is there loses what is forgotten.

    Labels are never changed, so the version is the same, which its id proves. Where transcripts of it are forgotten since, the id
    proves nothing any more, and the file holds the others.

    Raises:
        StoreError: the database makes another version of it, or a file cannot be read or written.
    """
    path, buried = settings.home / dataset.path, tombstones(store)
    if path.exists():
        if buried:  # another machine's `feedback forget` did not reach this home
            take_from_snapshot(path, buried)
        return
    splits = splits_of_dataset(store, dataset.dataset_id)
    found = labelled_transcripts(store, dataset.labelling_config, dataset_id=dataset.dataset_id)
    examples = [replace(each, split=splits[each.transcript_id]) for each in found]
    missing = splits.keys() - {each.transcript_id for each in examples}
    if not missing <= buried or not (missing or _id_of(dataset.labelling_config, examples) == dataset.dataset_id):
        raise StoreError(
            f"the dataset file {path} is not there, and the database makes another of it by now; bring it from the home folder "
            "of the machine that wrote it, or run `feedback train` on the labels of now"
        )
    _publish(_table(examples), path)


def take_from_snapshot(path: Path, ids: Set[str]) -> bool:
    """Take the rows of these transcripts out of a dataset file; returns whether there were any.

    Raises:
        StoreError: the file cannot be read or written.
    """
    import polars

    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        table = polars.read_parquet(path)
        kept = table.filter(~polars.col("transcript_id").is_in(list(ids)))
        if kept.height == table.height:
            return False
        kept.write_parquet(partial)
        partial.replace(path)
    except (OSError, polars.exceptions.PolarsError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"the dataset file {path} cannot be changed: {error}; make room, or delete it") from error
    return True


def read_examples(settings: Settings, dataset: Dataset, split: Split) -> list[LabelledTranscript]:
    """Return the examples of one split of a dataset version, in the order of their ids.

    Raises:
        StoreError: the version's file is missing or damaged.
    """
    import polars

    path = settings.home / dataset.path
    try:
        table = polars.read_parquet(path).filter(polars.col("split") == split)
    except (OSError, polars.exceptions.PolarsError) as error:
        raise StoreError(
            f"the dataset file {path} cannot be read ({_first_line(error)}); delete it if it is there, and run "
            "`feedback train` to write it again"
        ) from error
    return [_example(row) for row in table.iter_rows(named=True)]


def demand_augmented(dataset: Dataset) -> None:
    """See that leaving the rewrites out would change anything.

    Raises:
        MissingStage: the dataset version has none.
    """
    if not dataset.n_augmented:
        raise MissingStage(
            f"dataset {dataset.dataset_id[:8]} has no rewrites, so training without them is the same training; "
            "run `feedback augment`, then `feedback train`"
        )


def _demand_all_splits(store: Store, labelling_config: LabellingConfig, counts: Counter[Split]) -> None:
    empty = [split for split in SPLITS if not counts[split]]
    if not empty:
        return
    sources = count_sources(store)
    if not sources:
        raise MissingStage("no transcripts have landed; run `feedback land PATH...` first")
    if not counts:
        raise MissingStage(
            f"no transcript is labelled by {labelling_config.label_model} with prompt {labelling_config.prompt_version}; "
            "run `feedback label` first"
        )
    raise InputError(
        f"the {' and '.join(empty)} split would be empty: {counts.total()} labelled transcripts of {sources} sources are "
        f"too few to fall into all three; land transcripts of more documents, or label those that wait{_on_speakers(store)}"
    )


def _on_speakers(store: Store) -> str:
    return (
        "; nobody known by name is heard in two splits, so recordings of people who meet each other stand together: "
        "`feedback land --speaker each` makes a transcript of each"
        if splits_of_persons(store)
        else ""
    )


def _id_of(labelling_config: LabellingConfig, examples: Sequence[LabelledTranscript]) -> str:
    """Name a dataset version by all that is in it."""
    content = [*map(_content, examples)]
    return content_id("dataset", labelling_config.label_model, labelling_config.prompt_version, content)


def _content(example: LabelledTranscript) -> tuple[object, ...]:
    traits = example.feedback.traits
    content = (example.transcript_id, example.split, [[trait.score, trait.explanation] for trait in traits])
    return content if example.expected is None else (*content, example.expected)


def _table(examples: Sequence[LabelledTranscript]) -> "polars.DataFrame":
    import polars

    return polars.DataFrame([_row(example) for example in examples], infer_schema_length=None)


def _row(example: LabelledTranscript) -> dict[str, object]:
    row: dict[str, object] = {
        "transcript_id": example.transcript_id,
        "source_id": example.source_id,
        "split": example.split,
        "origin": example.origin,
        "text": example.text,
    }
    for key in TRAIT_KEYS:
        row |= {key: example.feedback[key].score, f"{key}_explanation": example.feedback[key].explanation}
    return row | dict(zip(_EXPECTED, example.expected or (), strict=False))


def _example(row: dict[str, object]) -> LabelledTranscript:
    traits = (TraitFeedback(row[key], row[f"{key}_explanation"]) for key in TRAIT_KEYS)  # type: ignore[arg-type]  # we wrote it
    fields = {name: row[name] for name in ("transcript_id", "source_id", "text", "split", "origin")}
    expected = tuple(row.get(name) for name in _EXPECTED)
    feedback = Feedback(tuple(traits))
    return LabelledTranscript(**fields, feedback=feedback, expected=None if None in expected else expected)  # type: ignore[arg-type]  # likewise


def _publish(table: "polars.DataFrame", path: Path) -> None:
    # Whoever sees the name sees the whole file: it is written beside and moved into place.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"the dataset file {path} cannot be written: {error.strerror or error}; make room") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
