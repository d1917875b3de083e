"""Near duplicates: texts that share four fifths of their five-word phrases, found by MinHash (datasketch).

Knows signatures and names, nothing of splits or storage. A signature is 128 numbers of 32 bits, 512 bytes as kept.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasketch import MinHash

PHRASE_WORDS = 5  # long enough that two speeches on one matter share few
PERMUTATIONS = 128  # the estimate of similarity is then off by 0.04 (one standard error at 0.8)
SIMILAR = 0.8  # Jaccard similarity of phrases from which two texts count as near duplicates
# 25 bands of 5 numbers: of pairs at 0.8 all but 1 in 10,000 become candidates, which `find` then judges by all 128
# numbers. datasketch's own choice for 0.8, 9 bands of 13, would miss 60 in 100 of them.
_BANDS = (25, 5)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known text that nearly duplicates the one asked about."""

    name: str
    """As given to `NearDuplicates.add`."""
    similarity: float
    """Estimated Jaccard similarity of phrases, 0.8 to 1."""


def signature_of(text: str) -> bytes:
    """Return the MinHash of `text`, case and punctuation aside; what texts of fewer than five words share is the whole text."""
    words = _WORDS.findall(text.casefold())
    phrases = {" ".join(words[start : start + PHRASE_WORDS]) for start in range(max(1, len(words) - PHRASE_WORDS + 1))}
    minhash = _minhash()
    minhash.update_batch([phrase.encode("utf-8", "surrogatepass") for phrase in sorted(phrases)])
    return minhash.hashvalues.astype("<u4").tobytes()


def similarity(first: bytes, second: bytes) -> float:
    """Estimated Jaccard similarity, 0 to 1, of two texts by their signatures."""
    import numpy

    return float(numpy.mean(numpy.frombuffer(first, "<u4") == numpy.frombuffer(second, "<u4")))


class NearDuplicates:
    """An index of known texts by signature."""

    def __init__(self, known: Iterable[tuple[str, bytes]] = ()) -> None:
        from datasketch import MinHashLSH

        self._index = MinHashLSH(num_perm=PERMUTATIONS, params=_BANDS)
        self._signatures: dict[str, bytes] = {}
        for name, signature in known:
            self.add(name, signature)

    def add(self, name: str, signature: bytes) -> None:
        """Remember a text; a name that is known already is left as it is."""
        if name not in self._signatures:
            self._signatures[name] = signature
            self._index.insert(name, _minhash(signature), check_duplication=False)

    def find(self, signature: bytes) -> list[Neighbour]:
        """Known texts that nearly duplicate the one with `signature`, most similar first."""
        names = [str(name) for name in self._index.query(_minhash(signature))]
        near = [Neighbour(name, similarity(signature, self._signatures[name])) for name in names]
        return sorted(
            (neighbour for neighbour in near if neighbour.similarity >= SIMILAR),
            key=lambda neighbour: (-neighbour.similarity, neighbour.name),
        )


def _minhash(signature: bytes | None = None) -> "MinHash":
    """Return a signature as datasketch has it; that of no text at all where none is given."""
    # Imported here: datasketch brings scipy, half a second that `feedback --help` must not pay.
    import numpy
    from datasketch import MinHash

    values = None if signature is None else numpy.frombuffer(signature, "<u4")
    return MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashvalues=values, permutations=_permutations())


@cache
def _permutations() -> Any:
    # Drawing them anew for each signature would take longer than everything else.
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, scheme="affine32").permutations
