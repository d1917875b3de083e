"""What transcripts write between the words of what was heard beside them: `[Applause]`, `(LAUGHTER)`, notes of music."""

import re
from typing import Final

_SOUND: Final = (
    r"(?:applause|applauding|laugh(?:s|ter|ing)?|chuckl\w*|giggl\w*|music|musical|instrumental|cheer(?:s|ing)?|clapping|inaudible|"
    r"crosstalk|cross talk|overlapping|unintelligible|indistinct|indiscernible|foreign|silence|silent|pause|noise|static|"
    r"blank_audio|no audio|no speech|cough(?:s|ing)?|sigh(?:s|ing)?|sniff(?:s|ing)?|sob(?:s|bing)?|gasp(?:s|ing)?|"
    r"clears throat|phone rings|bell rings|beep(?:s|ing)?|speaker_turn|sound|ringing)"
)
_IN_SQUARE: Final = re.compile(rf"(?i)\[[ _♪]*(?:[^\W\d]+ ){{0,3}}{_SOUND}(?: [^\[\]\n]{{1,40}})?[ _♪]*\]")
_IN_ROUND: Final = re.compile(rf"(?i)\([ ♪]*(?:[^\W\d]+ )?{_SOUND}[ ♪]*\)")
_NOTES: Final = re.compile(r"[♩♪♫♬🎵🎶]+")


def without_asides(text: str) -> str:
    """Leave out sounds in square brackets, which no text of a person has for words."""
    return _IN_SQUARE.sub(" ", text) if "[" in text else text


def without_sounds(text: str) -> str:
    """Leave out all that captions show of sounds: those in any brackets, and notes of music; words that are sung stay."""
    return _NOTES.sub(" ", _IN_ROUND.sub(" ", without_asides(text)))
