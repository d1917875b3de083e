"""A person is meant wherever the name stands; a label means somebody else in each recording."""

import pytest

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.persons import person_of, speakers_of

LABELS = """Speaker 1|SPEAKER_00|spk_0|Speaker A|speaker|Unknown Speaker|Guest-1|guest|Host|Interviewer|INTERVIEWER 2|A|B|1|0
CHI|MOT|INV|PAR0|S1|F02|Student 3|user|assistant|Sprecher 2|Locuteur 1|Hablante 3|Channel 2|ch_0|??|-|Participant 12|Agent
спикер 1|说话人1|話者1|화자 1|Teilnehmer 1|Intervenant 1|Mówca 1|Client|Therapist|iPhone
Speaker 1 (left)|SPEAKER 1:|[telephone number] 1"""


@pytest.mark.parametrize("label", LABELS.replace("\n", "|").split("|"))
def test_labels_mean_nobody_in_particular(label: str) -> None:
    assert person_of(label) is None


@pytest.mark.parametrize(
    "name", ["Ana Ruiz", "ANA  RUIZ", " ana ruiz ", "Ana\u00a0Ruiz", "Ana\u200b Ruiz:", "Ana Ruiz (she)"]
)
def test_one_person_in_any_spelling(name: str) -> None:
    assert person_of(name) == "ana ruiz"


@pytest.mark.parametrize(
    "name",
    [
        "Ben",
        "Alison",
        "TOM",
        "Dr. Ana Ruiz",
        "李明",
        "Мария",
        "Guestrin",
        "Childs",
        "李",
        "김",
        "Ai",
        "Speaker Kim",
        "Al Userman",
    ],
)
def test_names_that_resemble_labels_are_names(name: str) -> None:
    assert person_of(name)


def test_those_who_speak_at_once_are_each_heard() -> None:
    turns = [Turn(name, None, None, "yes") for name in ("Ana", None, "Ben + Ana", "Cleo")]
    assert speakers_of(turns) == ("Ana", "Ben", "Cleo")
