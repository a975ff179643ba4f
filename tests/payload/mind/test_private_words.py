"""What must not be said aloud, and what only looks like it."""

from __future__ import annotations

import unicodedata

import pytest

from payload.mind.private_words import NUMBER_DIGITS_MIN, PrivateWords

WORDS = PrivateWords((
    "Marcel", "Müller", "Weißenseestraße", "Anna Berger", "Al", "Leo", "李小龙", "R2-D2", "Zoë",
    "Jean-Luc"))
NONE = PrivateWords(())


@pytest.mark.parametrize("text", [
    "Marcel sees the sky from here.", "Marcels bike is far below.", "It is Marcel's.",
    "It is Marcel’s.", "bei Marceln", "z Marcelem", "MARCEL!", "Ｍａｒｃｅｌ is below.",
    "Mar\u200bcel is below.", "Ma\u00adrcel is below.", "M\u2060arce\ufe0fl is below.",
    "I miss Müller.", "I miss Mu\u0308ller.", "Herrn Müllers Haus", "I miss Muller.",
    "The WEISSENSEESTRASSE is below.", "Ask Anna Berger.", "ask ANNA BERGER, please",
    "Anna\u00a0Bergers Haus", "Anna\nBerger", "Zoe is here.", "ZOË", "问李小龙好", "R2-D2!",
    "Leos Haus", "Al's house", "Jean\u2011Luc waves.",
])
def test_a_word_of_the_list_is_found_however_it_is_written(text: str) -> None:
    assert WORDS.are_in(text)
    assert not NONE.are_in(text)


@pytest.mark.parametrize("text", [
    "Anna Bergersen waves.", "Anna waves, and Berger too.", "Als das alles war.", "Also, alas.",
    "Marcella, marcellous", "Leonard and the lion", "Zoetrope", "R2-D22", "Mullerton", "",
])
def test_another_word_is_not(text: str) -> None:
    assert not WORDS.are_in(text)


def test_the_list_may_be_written_in_any_way_too() -> None:
    for form in ("NFC", "NFD", "NFKD"):
        assert PrivateWords((unicodedata.normalize(form, "Müller"),)).are_in("Müllers Haus")
    assert PrivateWords(("ｍａｒｃｅｌ",)).are_in("Marcel")
    assert not PrivateWords(("\u200b\u200b",)).are_in("a word of nobody")


@pytest.mark.parametrize("text", [
    "Write to anna.berger@example.org.", "me @ example.org", "ｍｅ＠example.org",
    "me@\u200bexample.org", "me [at] example.org", "me(at)example.org",
    "me (at) example (dot) org", "me[at]example[dot]org", "me {AT} example {DOT} org",
    "me at example dot org",
])
def test_a_mail_address_is_found(text: str) -> None:
    assert NONE.are_in(text)


@pytest.mark.parametrize("text", [
    "Call +43 660 5550123.", "Call me on 030 / 123 456 today.", "Call 0171.555.1234 today.",
    "Call 0171 - 555 - 1234 today.", "+49 (0) 30 12 34 56", "(503) 975-7799", "0423/972429",
    "01 23 45 67 89", "01.23.45.67.89", "０１７１ ５５５ １２３４", "0171\u2013555\u20131234",
    "0171\u00a0555\u00a01234", "612.345.678", "030.123.456", "AT61 1904 3002 3457 3201",
    "DE89.3704.0044.0532.0130.00", "GB82 WEST 1234 5698 7654 32", "4111-1111-1111-1111",
    "at 12:30 on 0171 5551234", "12.05.19.84", "192.168.100.200",
])
def test_a_number_to_be_reached_by_is_found(text: str) -> None:
    assert NONE.are_in(text)


@pytest.mark.parametrize("form", ["{0}{1}", "{0} {1}", "{0}-{1}", "{0} / {1}", "{0}/{1}"])
def test_seven_digits_are_a_number_and_six_are_none(form: str) -> None:
    assert NUMBER_DIGITS_MIN == 7
    for last in ("1234", "12345", "123456"):
        assert NONE.are_in(f"Ring {form.format('555', last)} now.")
    assert not NONE.are_in(f"Ring {form.format('555', '123')} now.")


@pytest.mark.parametrize("text", [
    "18402 m and 3900 mV at 12:00:00.", "12:00 18402 m", "It is 1013.25 hPa.",
    "About 123456 of them.", "At 12 o'clock @ home.", "look at the dot on the map",
    "from 10.000 to 20.000 m", "wind 12-14 m/s from 270", "30, 31, 32, 33, 34",
    # prices and amounts
    "It cost 12,500.00 dollars.", "Es kostet 12.500,00 Euro.", "1.250.000,50", "123456.78 Euro",
    "299,792,458 m/s", "3.14159265", "$$EDDA,1,12:00:00,53.0,8.8,1200*AB12 is what I hear.",
    # dates and times
    "born 17.03.1984 in the old town", "on 2021-05-08 at 10:10", "2021-05-08 10:10:00",
    "at 18:45:03 on 2021-03-06", "05/08/2021", "8.5.21", "in 2019-2021 it flew",
    "It was 2019. 2020 was worse.", "the years 2019, 2020 and 2021",
    # versions
    "version 5.15.0-1034 of it", "v1.2.3 and 10.15.7",
    # coordinates
    "at 52.37022, 4.89517 now", "52.1234567, 4.1234567", "52.37022,4.89517",
    "-0.1234567", "0,1234567",
])
def test_readings_dates_amounts_and_places_are_not(text: str) -> None:
    assert not NONE.are_in(text)
