"""What housekeeping found, in words: a sentence, and a list with every name."""

from collections import defaultdict
from collections.abc import Sequence

from feedback_model.records.housekeeping import Leftover, LeftoverKind
from feedback_model.sizes import show_size


def by_kind(leftovers: Sequence[Leftover]) -> dict[LeftoverKind, list[Leftover]]:
    """Group what was found by its kind, in the order in which kinds were looked for."""
    found: defaultdict[LeftoverKind, list[Leftover]] = defaultdict(list)
    for leftover in leftovers:
        found[leftover.kind].append(leftover)
    return dict(found)


def total_size(leftovers: Sequence[Leftover]) -> int:
    """Add the bytes up."""
    return sum(each.size for each in leftovers)


def phrase_leftovers(leftovers: Sequence[Leftover], *, deleted: bool) -> str:
    """Say in one sentence what can be deleted, or was."""
    if not leftovers:
        return "nothing was to be deleted" if deleted else "nothing to delete"
    kinds = ", ".join(f"{kind} ({len(found)})" for kind, found in by_kind(leftovers).items())
    return f"{'deleted' if deleted else 'can be deleted'}: {kinds}; {show_size(total_size(leftovers))} in all"


def leftovers_markdown(leftovers: Sequence[Leftover], *, deleted: bool) -> str:
    """List what can be deleted, or was, with how many and how many bytes of each kind."""
    chapters = [phrase_leftovers(leftovers, deleted=deleted)]
    for kind, found in by_kind(leftovers).items():
        lines = [f"- `{each.name}`, {show_size(each.size)}, {each.newest:%Y-%m-%d}" for each in found]
        chapters.append("\n".join([f"### {kind}: {len(found)}, {show_size(total_size(found))}\n", *lines]))
    return "\n\n".join(chapters)
