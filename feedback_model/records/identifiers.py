"""Identifiers of records: content hashes, so that equal things have equal names."""

import hashlib
import json
from typing import Any


def content_id(*parts: object) -> str:
    """32 hex digits (128 bits of SHA-256) naming `parts`, which are rendered as canonical JSON."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def to_json(value: Any) -> str:
    """Canonical JSON for columns that hold a structure."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
