"""Encodings are told by bytes alone, and what was not certain says so."""

import pytest

from feedback_model.errors import InputError
from feedback_model.transcripts.encodings import encoding_of
from feedback_model.transcripts.reading_options import ReadingOptions

SAID = {
    "cp1252": "Bonjour à tous, c’est l’été et nous avons déjà décidé où aller. ¿Quién? Über alles schön. ",  # noqa: RUF001
    "cp1250": "Dzień dobry, zaczynamy spotkanie, ponieważ źródło jest już gotowe i wszyscy są. ",
    "cp1251": "Доброе утро, коллеги. Сегодня я хочу рассказать вам о результатах. ",  # noqa: RUF001
    "koi8_r": "Доброе утро, коллеги. Сегодня я хочу рассказать вам о результатах. ",  # noqa: RUF001
    "cp1253": "Καλημέρα σε όλους, ευχαριστώ που ήρθατε τόσο νωρίς. ",
    "cp1254": "Günaydın arkadaşlar, bugün size şirketimizin başarısını anlatacağım. ",  # noqa: RUF001
    "cp1255": "בוקר טוב לכולם, היום אספר לכם על התוצאות. ",
    "cp1256": "صباح الخير للجميع، أود اليوم أن أحدثكم عن النتائج. ",
    "gb18030": "大家早上好，今天我想给大家讲一下我们的结果。",  # noqa: RUF001
    "cp932": "おはようございます。今日は結果についてお話しします。",
    "cp949": "안녕하세요, 오늘은 결과에 대해 말씀드리겠습니다. ",
}


@pytest.mark.parametrize("page", SAID)
def test_a_code_page_is_told_and_uncertain(page: str) -> None:
    assert encoding_of((SAID[page] * 3).encode(page)) == (page, False)


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_unicode_with_a_mark_is_certain(said: str) -> None:
    assert encoding_of(said.encode()) == ("utf-8", True)
    assert encoding_of(said.encode("utf-8-sig")) == ("utf-8-sig", True)
    assert encoding_of(said.encode("utf-16")) == ("utf-16", True)
    assert encoding_of(said.encode("utf-32")) == ("utf-32", True)


@pytest.mark.parametrize("page", ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"])
@pytest.mark.parametrize("wide", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told(page: str, wide: str) -> None:
    assert encoding_of(SAID[page].encode(wide)) == (wide, False)


def test_a_character_may_be_cut_off() -> None:
    assert encoding_of("naïve".encode()[:3]) == ("utf-8", True)


@pytest.mark.parametrize("noise", [bytes(range(256)) * 10, bytes(range(1, 256)) * 10, b"\x00\x01\x02" * 99])
def test_noise_is_no_text(noise: bytes) -> None:
    assert encoding_of(noise) is None


def test_an_unknown_encoding_is_named() -> None:
    assert ReadingOptions(encoding="UTF8").encoding
    with pytest.raises(InputError, match="'klingon' is no encoding"):
        ReadingOptions(encoding="klingon")
