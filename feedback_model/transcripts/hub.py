"""Datasets of the Hugging Face hub, streamed: nothing is downloaded that is not read."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feedback_model.errors import InputError
from feedback_model.records.recordings import Recording
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.formats.rows import Row, recordings_of_rows
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.waiting import waiting_for

HUB_SECONDS = 20.0  # until the hub counts as out of reach
SHUFFLE_BUFFER = 10_000  # rows held to draw a sample from; a stream cannot be shuffled as a whole
_log = logging.getLogger(__name__)


def read_hub(name: str, options: ReadingOptions, limit: int | None, seed: int) -> Iterator[Recording | Reject]:
    """Yield the rows of `owner/name[:config][:split]`; split `train` unless named. With `limit`, a sample drawn with `seed`.

    In the place of `owner/name` may stand a folder with a dataset in it.

    Raises:
        InputError: the hub or the dataset cannot be reached.
    """
    dataset, config, split = _parts(name)
    locator = f"hf:{name}"
    try:
        rows = _stream(dataset, config, split)
        if limit is not None:
            rows = rows.shuffle(seed=seed, buffer_size=SHUFFLE_BUFFER).take(limit)
        numbered = (Row(f"{locator} row {number}", fields) for number, fields in enumerate(rows, start=1))
        yield from recordings_of_rows(numbered, dataset, options)
    except Exception as error:  # the hub's client lets errors of a dozen libraries through
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the dataset {locator} cannot be read from the hub ({type(error).__name__}: {_first_line(error)}); check its "
            "name and the network, or download it as Parquet and land those files"
        ) from error


def _parts(name: str) -> tuple[str, str | None, str]:
    dataset, *rest = name.split(":")
    if not dataset or len(rest) > 2:
        raise InputError(
            f"hf:{name} names no dataset; write hf:owner/name, hf:owner/name:split or hf:owner/name:config:split"
        )
    config = rest[0] if len(rest) == 2 else None
    return dataset, config or None, (rest[-1] if rest else "") or "train"


def _stream(dataset: str, config: str | None, split: str) -> Any:
    import datasets
    import huggingface_hub

    # The clients' retries and bars would come between a person and the one sentence that matters.
    huggingface_hub.utils.logging.set_verbosity_error()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    if Path(dataset).is_dir():
        return _local(Path(dataset), config, split)
    # Asked once before streaming, which would try an absent network for half a minute.
    with waiting_for(f"the hub to tell of {dataset}", "Ctrl-C stops; or land files that you have already"):
        try:
            huggingface_hub.HfApi().dataset_info(dataset, timeout=HUB_SECONDS)
        except huggingface_hub.errors.HfHubHTTPError:  # the hub answers, and says that there is none
            raise
        except Exception:
            if (cached := _cached(dataset)) is None:
                raise
            _log.warning(
                "the hub does not answer: %s is read from its cache, %s, as far as it is there", dataset, cached
            )
            return _local(cached, config, split)
        return datasets.load_dataset(dataset, config, split=split, streaming=True)


def _cached(dataset: str) -> Path | None:
    """Return the folder of the hub's cache with what was downloaded of a dataset; None where nothing was."""
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(dataset, repo_type="dataset", local_files_only=True))
    except huggingface_hub.errors.LocalEntryNotFoundError:
        return None


def _local(folder: Path, config: str | None, split: str) -> Any:
    """Stream a dataset from a folder: one that `save_to_disk` wrote, or files as the hub has them."""
    import datasets

    saved = folder / split if (folder / "dataset_dict.json").exists() else folder
    if (saved / "state.json").exists():
        return datasets.Dataset.load_from_disk(str(saved)).to_iterable_dataset()
    return datasets.load_dataset(str(folder), config, split=split, streaming=True)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
