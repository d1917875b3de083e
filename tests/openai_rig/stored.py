"""Stored completions, listed by metadata as OpenAI lists them."""

import time
from collections.abc import Mapping
from typing import Any

from tests.openai_rig.options import Options

PAGE = 20


class StoredCompletions:
    """What was asked to be stored, the oldest first."""

    def __init__(self, options: Options) -> None:
        self._lag = options.stored_lag
        self._kept: list[tuple[float, dict[str, Any]]] = []

    def keep(self, completion: dict[str, Any], metadata: dict[str, str]) -> None:
        self._kept.append((time.monotonic(), {**completion, "metadata": metadata, "store": True}))

    @property
    def kept(self) -> list[dict[str, Any]]:
        return [completion for _, completion in self._kept]

    def delete(self, name: str) -> bool:
        """Delete a completion; returns whether it was there."""
        before = len(self._kept)
        self._kept = [(at, completion) for at, completion in self._kept if completion["id"] != name]
        return len(self._kept) < before

    def page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of those that are visible and have the metadata and model asked for."""
        wanted = {key[len("metadata[") : -1]: value for key, value in query.items() if key.startswith("metadata[")}
        found = [
            completion
            for at, completion in self._kept
            if time.monotonic() - at >= self._lag and _has(completion, wanted)
        ]
        if "model" in query:
            found = [completion for completion in found if completion["model"] == query["model"]]
        if query.get("order") == "desc":
            found.reverse()
        if "after" in query:
            names = [completion["id"] for completion in found]
            found = found[names.index(query["after"]) + 1 :] if query["after"] in names else []
        page = found[: int(query.get("limit", PAGE))]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return {"object": "list", "data": page, "has_more": len(found) > len(page), **ends}


def _has(completion: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(completion["metadata"].get(key) == value for key, value in wanted.items())
