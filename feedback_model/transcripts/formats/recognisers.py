"""JSON of speech recognisers and of conversations: turns wherever a program nests them.

Amazon Transcribe, Google Speech-to-Text, Azure Speech, Deepgram, Rev and YouTube have shapes of their own, each read by one
function here; what has a list of segments is read by `segments`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.segments import (
    ENDS,
    STARTS,
    nested_turns,
    read_turns,
    speaker_of,
    time_of,
    turn_of,
)
from feedback_model.transcripts.formats.sounds import without_asides

_WRAPPERS: Final = ("response", "result", "results", "transcript", "transcription", "data", "output")
"""Fields in which services and programs wrap what a recogniser said."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a recogniser heard."""

    turns: tuple[Turn, ...]
    language: str | None = None


def read_speech(value: Mapping[str, Any]) -> Speech | None:
    """Read the turns in an object; None where it nests none."""
    for reader in _READERS:
        try:
            heard = (replace(turn, text=_words_of(turn.text)) for turn in reader(value) or ())
            turns = tuple(turn for turn in heard if turn.text)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            continue  # it only looked like what that program writes
        if turns:
            language = value.get("language") or value.get("language_code") or value.get("languageCode")
            return Speech(turns, language if isinstance(language, str) else None)
    inner = next((value[name] for name in _WRAPPERS if isinstance(value.get(name), dict)), None)
    return read_speech(inner) if inner else None


def _words_of(text: str) -> str:
    said = without_asides(text)
    return text if said == text else " ".join(said.split())


# ---- words, where a recogniser tells speakers by word ------------------------------------------------------------


def _of_words(words: Sequence[Turn], glue: str = " ") -> Iterator[Turn]:
    """Join the words of one speaker that follow one another."""
    for speaker, group in groupby(words, key=lambda word: word.speaker):
        said = list(group)
        timed = [word for word in said if word.start is not None]
        first, last = (timed[0].start, timed[-1].end) if timed else (None, None)
        yield Turn(speaker, first, last, " ".join(glue.join(word.text for word in said).split()))


def _of_channels(channels: Mapping[str, Sequence[Turn]]) -> Iterator[Turn]:
    """Yield the sentences of several channels in the order of their times; the channel is the speaker where words name none."""
    turns = [
        replace(turn, speaker=turn.speaker or name)
        for name, words in channels.items()
        for sentence in _sentences(words)
        for turn in _of_words(sentence, "")
    ]
    yield from sorted(turns, key=lambda turn: turn.start or 0.0)


def _sentences(words: Sequence[Turn]) -> Iterator[list[Turn]]:
    """Cut words where one of them ends a sentence, or a pause follows it."""
    sentence: list[Turn] = []
    for word in words:
        last = sentence[-1] if sentence else None
        pause = (word.start or 0.0) - (last.end or word.start or 0.0) if last else 0.0
        if last and word.start is not None and (last.text[-1:] in ".?!" or pause > 1):
            yield sentence
            sentence = []
        sentence.append(word)
    if sentence:
        yield sentence


def _amazon(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Amazon Transcribe's results: words, and who spoke when."""
    results = value.get("results")
    if not isinstance(results, dict) or "items" not in results:
        return None
    channels = (results.get("channel_labels") or {}).get("channels")
    if channels:
        return _of_channels({each["channel_label"]: list(_amazon_words(each["items"], ())) for each in channels})
    spans = [
        (float(each["start_time"]), float(each["end_time"]), each.get("speaker_label"))
        for each in (results.get("speaker_labels") or {}).get("segments", ())
    ]
    if not spans and not any("speaker_label" in each for each in results["items"]):
        return (Turn(None, None, None, each.get("transcript", "")) for each in results.get("transcripts", ()))
    return _of_words(list(_amazon_words(results["items"], spans)), "")


def _amazon_words(items: Sequence[Mapping[str, Any]], spans: Sequence[tuple[float, float, str]]) -> Iterator[Turn]:
    speaker: str | None = None
    at = 0
    for item in items:
        text = item["alternatives"][0]["content"]
        if item.get("type") == "punctuation":
            yield Turn(speaker, None, None, text)
            continue
        start, end = float(item["start_time"]), float(item["end_time"])
        while at + 1 < len(spans) and start >= spans[at + 1][0]:
            at += 1
        speaker = item.get("speaker_label") or (spans[at][2] if spans else None)
        yield Turn(speaker, start, end, f" {text}")


def _call_analytics(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Amazon's call analytics: what was said in a call, with the role of who said it."""
    parts = value.get("Transcript")
    if not isinstance(parts, list):
        return None
    return (
        Turn(
            each["ParticipantRole"],
            each["BeginOffsetMillis"] / 1000,
            each["EndOffsetMillis"] / 1000,
            " ".join(each["Content"].split()),
        )
        for each in parts
    )


def _speechmatics(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Speechmatics' json-v2: words, and punctuation that says to which word it belongs."""
    results = value.get("results")
    if not isinstance(results, list) or not any("attaches_to" in each or "content" in _best(each) for each in results):
        return None
    return _of_words([_speechmatics_word(each) for each in results if _best(each)], "")


def _best(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return (result.get("alternatives") or [{}])[0]


def _speechmatics_word(result: Mapping[str, Any]) -> Turn:
    best = _best(result)
    speaker = best.get("speaker")
    glue = "" if result.get("attaches_to") == "previous" or result.get("type") == "punctuation" else " "
    return Turn(
        None if speaker in (None, "UU") else speaker,
        time_of(result, STARTS, 0),
        time_of(result, ENDS, -1),
        f"{glue}{best['content']}",
    )


def _google(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Google Speech-to-Text: with diarization the last result repeats all words, each with its speaker."""
    results = value.get("results")
    if not isinstance(results, list):
        return None
    best = [each["alternatives"][0] for each in results if isinstance(each, dict) and each.get("alternatives")]
    words = [[_google_word(word) for word in each.get("words", ())] for each in best]
    if len(words) > 1 and words[-1] and words[-1][-1].speaker and len(words[-1]) >= sum(map(len, words[:-1])):
        return _of_words(words[-1])
    if words and all(words) and any(word.speaker for word in words[0]):
        return (turn for each in words for turn in _of_words(each))
    tags = [each.get("channelTag") for each in results if isinstance(each, dict) and each.get("alternatives")]
    channels = [str(tag) if len(set(tags)) > 1 else None for tag in tags]
    wholes = (_whole(each, said) for each, said in zip(best, words, strict=True))
    return (replace(turn, speaker=channel) for turn, channel in zip(wholes, channels, strict=True))


def _whole(alternative: Mapping[str, Any], words: Sequence[Turn]) -> Turn:
    start, end = (words[0].start, words[-1].end) if words else (None, None)
    return Turn(None, start, end, " ".join(str(alternative.get("transcript", "")).split()))


def _google_word(word: Mapping[str, Any]) -> Turn:
    speaker = word.get("speakerLabel") or word.get("speakerTag")
    return Turn(
        str(speaker) if speaker else None, time_of(word, STARTS, 0), time_of(word, ENDS, -1), word.get("word", "")
    )


def _deepgram(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Deepgram: utterances if they were asked for, else the words of each channel."""
    results = value.get("results")
    if not isinstance(results, dict):
        return None
    if results.get("utterances"):
        return read_turns(results["utterances"])
    best = [each["alternatives"][0] for each in results.get("channels", ()) if each.get("alternatives")]
    if len(best) > 1 and all(each.get("words") for each in best):
        spaced = [[replace(word, text=f" {word.text}") for word in map(_plain_word, each["words"])] for each in best]
        return _of_channels({str(number): words for number, words in enumerate(spaced)})
    return (turn for each in best for turn in _deepgram_words(each))


def _deepgram_words(alternative: Mapping[str, Any]) -> Iterator[Turn]:
    words = [_plain_word(word) for word in alternative.get("words", ())]
    return _of_words(words) if words else iter([_whole(alternative, ())])


def _azure(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Azure Speech: phrases of the batch transcription (the best of `nBest`), or of the fast one."""
    phrases = value.get("recognizedPhrases") or value.get("phrases")
    if not isinstance(phrases, list):
        return None
    flat = [each | each["nBest"][0] if each.get("nBest") else each for each in phrases]
    return (turn for turn in map(_azure_turn, flat) if turn)


def _azure_turn(phrase: Mapping[str, Any]) -> Turn | None:
    turn = turn_of(phrase)
    start, length = phrase.get("offsetMilliseconds"), phrase.get("durationMilliseconds")
    if turn is None or start is None or length is None:
        return turn
    return replace(turn, start=start / 1000, end=(start + length) / 1000)


def _rev(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Rev AI: monologues of elements that bring their own spaces."""
    monologues = value.get("monologues")
    if not isinstance(monologues, list):
        return None
    names = {each.get("id"): each.get("name") for each in value.get("speakers") or () if isinstance(each, dict)}
    return (_monologue(each, names) for each in monologues)


def _monologue(part: Mapping[str, Any], names: Mapping[Any, Any]) -> Turn:
    elements = part.get("elements", ())
    times = [(each["ts"], each.get("end_ts")) for each in elements if "ts" in each]
    text = "".join(each.get("value", "") for each in elements if each.get("type") != "unknown")
    start, end = (times[0][0], times[-1][1]) if times else (None, None)
    speaker = names.get(part.get("speaker")) or part.get("speaker")
    return Turn(None if speaker is None else str(speaker), start, end, " ".join(text.split()))


def _plain_words(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """Read words without segments, as AssemblyAI and others give them."""
    words = value.get("words")
    if not isinstance(words, list):
        return None
    said = [_plain_word(word) for word in words if word.get("type") not in ("audio_event", "spacing")]
    whole = value.get("text")
    if said and isinstance(whole, str) and whole.strip() and not any(word.speaker for word in said):
        return iter(
            [Turn(None, said[0].start, said[-1].end, " ".join(whole.split()))]
        )  # which has signs that words lack
    return _of_words(said)


def _plain_word(word: Mapping[str, Any]) -> Turn:
    text = word.get("punctuated_word") or word.get("word") or word.get("text") or ""
    return Turn(speaker_of(word), time_of(word, STARTS, 0), time_of(word, ENDS, -1), text)


def _youtube(value: Mapping[str, Any]) -> Iterator[Turn] | None:
    """YouTube's json3: events of pieces."""
    events = value.get("events")
    if not isinstance(events, list) or not any("segs" in each for each in events if isinstance(each, dict)):
        return None
    return (
        Turn(
            None,
            each.get("tStartMs", 0) / 1000,
            None,
            " ".join("".join(s.get("utf8", "") for s in each["segs"]).split()),
        )
        for each in events
        if "segs" in each
    )


_READERS: Final[tuple[Callable[[Mapping[str, Any]], Iterator[Turn] | None], ...]] = (
    _amazon,
    _call_analytics,
    _speechmatics,
    _google,
    _deepgram,
    _azure,
    _rev,
    _youtube,
    nested_turns,
    _plain_words,
)
