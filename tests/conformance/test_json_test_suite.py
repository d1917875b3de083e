"""The judge against nst/JSONTestSuite: what is JSON is read as JSON, what is not is refused as such."""

import hashlib
import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.feedback import render_feedback
from feedback_model.parsing import FailureCode, judge
from feedback_model.parsing.failures import GrammarError
from feedback_model.parsing.json_scanner import scan, skip_space
from tests.builders import a_feedback

ARCHIVE = Path(__file__).parent / "json_test_suite" / "test_parsing.zip"
with zipfile.ZipFile(ARCHIVE) as archive:
    FILES = {name: archive.read(name) for name in archive.namelist()}
MUST_ACCEPT, MUST_REFUSE, MAY_DO_EITHER = (
    {name: raw for name, raw in FILES.items() if name.startswith(kind)} for kind in ("y_", "n_", "i_")
)
CODES = list(FailureCode)
NOT_JSON = CODES[: CODES.index(FailureCode.DUPLICATE_KEY)]


def test_the_suite_is_whole_and_untouched():
    digest = hashlib.sha256()
    for name, raw in sorted(FILES.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(raw).digest())
    assert Counter(name[:2] for name in FILES) == {"y_": 95, "n_": 188, "i_": 35}
    assert digest.hexdigest() == "49e2c2bf3d42389cd5391a7c828a6a9b8f8d101318ea18a09c3a2ccd642fe129"


@pytest.mark.parametrize("name", MUST_REFUSE)
def test_invalid_json_is_refused_as_such(name):
    """What is not json is refused as not json."""
    judgement = judge(MUST_REFUSE[name])
    assert judgement.tier == "none"
    assert judgement.failure.code in NOT_JSON


@pytest.mark.parametrize("name", MUST_ACCEPT)
def test_what_is_json_is_read_as_json(name):
    assert judge(MUST_ACCEPT[name]).failure.code not in NOT_JSON


def test_equal_keys_have_a_failure_of_their_own():
    """Equal keys are told apart from every other failure."""
    duplicates = {name for name, raw in MUST_ACCEPT.items() if judge(raw).failure.code == "duplicate_key"}
    assert duplicates == {name for name in MUST_ACCEPT if name.startswith("y_object_duplicated_key")}


@pytest.mark.parametrize("name", MUST_ACCEPT)
def test_json_inside_feedback_is_read_as_json(name):
    """What is json is read as json inside feedback too."""
    raw = render_feedback(a_feedback()).encode().replace(b"{", b'{"note": ' + MUST_ACCEPT[name] + b",", 1)
    assert judge(raw).failure.code in ("extra_key", "duplicate_key")


@pytest.mark.parametrize("name", MAY_DO_EITHER)
def test_implementation_defined_json_gets_a_code(name):
    """What is left to the parser gets a code."""
    assert judge(MAY_DO_EITHER[name]).failure.code in CODES


@pytest.mark.parametrize("name", MUST_ACCEPT)
def test_what_is_json_means_what_python_says(name):
    raw = MUST_ACCEPT[name]
    scanned = scan(raw, skip_space(raw, 0))
    assert scanned.duplicate or scanned.value == json.loads(raw)


@given(
    st.sampled_from([name for name, raw in sorted(FILES.items()) if len(raw) < 200]),
    st.integers(0, 80),
    st.integers(0, 4),
    st.sampled_from(rb'[]{},:"\-+.0eE1u ntf'),
)
def test_scanner_agrees_with_python_on_damaged_files(name, at, width, byte):
    """A damaged file is json for the scanner if it is for python."""
    raw = FILES[name][:at] + bytes([byte]) + FILES[name][at + width :]
    assert _is_json(raw) == _is_json_for_python(raw)


def _is_json(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
        scanned = scan(raw, skip_space(raw, 0))
    except (UnicodeDecodeError, GrammarError):
        return False
    return skip_space(raw, scanned.end) == len(raw)


def _is_json_for_python(raw: bytes) -> bool:
    """Python's parser, told to refuse NaN and Infinity, and halves of surrogate pairs, which no UTF-8 can hold."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError:
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)
