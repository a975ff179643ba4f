"""Goal: secrets, personal data and names do not reach training, and what is none of these stays.

Method: one thing at a time, right and just wrong.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_training.common.messages import Notes
from host_training.common.normalise import plain
from host_training.common.settings import Privacy
from host_training.privacy import known_secrets, payment_ids, pii, secrets
from host_training.privacy.names import NameList
from host_training.privacy.scrub import BLOCK_CHARS_MAX, Scrubber, blocks, learn_secrets
from tests.host_training.nasty_inputs import nasty

KEY = "AKIA" + "IOSFODNN7EXAMPLE"  # in two halves: scanners of this repository need not wake up


def scrub(text: str, listed: NameList | None = None, **privacy: object) -> str | None:
    return Scrubber(Privacy(**privacy), listed).scrub(text, Notes())


@nasty(24)
@pytest.mark.parametrize("text", [
    f"here you go: {KEY}", "ghp_" + "a1B2" * 9, "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "xoxb-" + "123456789012-1234567890123-" + "aB3" * 8, "-----BEGIN RSA "
    "PRIVATE KEY-----\nMII",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + "dBjftJeZ4CVPmB92K27uhbUJU1p1r",
    "https://ada:hunter22@example.org/x", "the wifi password is K3ttle!time", "Passwort: geheim99",
    "пароль: kettle77", "密码：abc12345", "PIN code = 48213", "Your code is 482133",
    "482133 is your verification code", "G-482133 is your Google verification code",
    "Ihr Bestätigungscode lautet 482133", "dein code: 482 133",
    "my seed phrase: witch collapse practice feed shame open despair creek road again ice least",
    "witch collapse practice feed shame open despair creek road again ice least",
    "otpauth://totp/x?secret=JBSWY3DP", "WIFI:T:WPA;S:net;P:pass1234;;",
    "data:image/png;base64," + "iVBORw0KGgo" * 3, "token q7W4x9Zp2Lk8Vb3Nc6Mt1Rj5",
    "K3ttle!time", "  K3ttle!time\n", "login ada K3ttle!time", "user: ada, K3ttle!time.",
    "user: ada\npass: K3t!",
])
def test_a_message_with_a_secret_is_dropped(text: str) -> None:
    assert scrub(text) is None
    assert scrub(text, secrets="keep", personal="keep") == text.strip()


@nasty(24)
@pytest.mark.parametrize("text", [
    "the password is wrong again", "what's the code for the hedge?", "in 2021 the code was lost",
    "I walked 48213 steps", "my pin broke", "a Donaudampfschifffahrtsgesellschaftskapitän said so",
    "supercalifragilisticexpialidocious", "flight-2021-05-08T10-10-notes.md",
    "the wind went round and we stood there for a while without a word between them",
    "haaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0000000000000000000000", "code 12/05/2021",
    "see host_training/importers/telegram.py", "IMG_2041.jpg", "Bo@x2", "https", "OK-2021.",
    "the mountain pass: 2400 m", "boarding pass: none",
    "K3ttles!", "the user of Kettle2000 said so",
])
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


@nasty(24)
def test_whoever_repeats_a_secret_is_dropped_too() -> None:
    scrubber, notes = Scrubber(Privacy()), Notes()
    assert scrubber.scrub("password: K3ttle!time", notes) is None
    assert scrubber.scrub("so I type K3ttle!time ?", notes) is None
    assert scrubber.scrub("the kettle again", notes) == "the kettle again"
    assert notes.skipped == {"secret in it": 2}
    assert "password" in scrubber.sheet.markdown() and "K3ttle!time" in scrubber.sheet.markdown()


@nasty(24)
@pytest.mark.parametrize("repeated", [
    "did Kettle77 work", "try Kettle77!", "(Kettle77)", "it is Kettle77, with a K", "KETTLE77?",
    "“Kettle77”", "Kettle\u200b77", "Ｋｅｔｔｌｅ７７!"])
@pytest.mark.parametrize("told", [
    "the wifi password is Kettle77, ok?", "wifi password: Kettle77", "pw Kettle77", "PW: Kettle77.",
    "Passwort=Kettle77;"])
def test_a_secret_is_known_before_it_is_told_and_however_it_stands(repeated: str, told: str
                                                                   ) -> None:
    """It was kept with its comma, and only from where it was told."""
    scrubber = Scrubber(Privacy(), None, learn_secrets([repeated, told]))
    assert scrubber.scrub(repeated, Notes()) is None and scrubber.scrub(told, Notes()) is None
    for other in ("the kettle again", "Kettle770", "7 kettles, 77 cups"):
        assert scrubber.scrub(other, Notes()) == other


@nasty(24)
def test_a_thousand_seed_phrases_with_one_first_word_are_not_tried_on_every_text_that_has_it(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 GB of chats took hours: what looks like a seed phrase begins with a word of every day."""
    known = known_secrets.KnownSecrets()
    phrases = [f"kettle word{number} " + "lamp " * 10 for number in range(1000)]
    for phrase in (*phrases, "kettle 7 lamp"):
        known.add(phrase)
    tried: list[str] = []
    monkeypatch.setattr(known_secrets, "_pattern", lambda secret, real=known_secrets._pattern: (
        tried.append(secret), real(secret))[1])
    assert known.spans("The kettle of the lamp, kettle 7 and word7 lamp lamp") == [] == tried
    said = f"so it is: {phrases[7].upper()}and that is all"
    assert [said[start:end] for start, end in known.spans(said)] == [phrases[7].upper().strip()]
    assert known.spans("KETTLE  7 Lamp!") == [(0, 14)] and len(tried) == 2


@nasty(24)
def test_a_password_that_is_a_word_is_no_reason_to_drop_the_word() -> None:
    told = ["wifi password: sunshine", "Passwort: geheim", "wachtwoord : zomer", "wifi key: Kettle"]
    other = ["the sunshine was wet", "password and sunshine", "geheim is geheim", "wifi: none here",
             "my secret: patience", "the pw on the box was wrong", "password 2 of the box",
             "The pin: brass, two of them."]
    scrubber = Scrubber(Privacy(), None, learn_secrets([*told, *other]))
    assert [scrubber.scrub(text, Notes()) for text in told] == [None] * 4
    assert [scrubber.scrub(text, Notes()) for text in other] == other


@nasty(24)
@pytest.mark.parametrize(("text", "meant"), [
    ("mail ada.b+x@example.co.uk now", "mail [mail] now"),
    ("see https://x.org/?token=abc, then", "see [link] then"), ("www.x.org/a", "[link]"),
    ("call +44 7700 900122 or +31 6 12345678", "call [phone] or [phone]"),
    ("IBAN DE89 3704 0044 0532 0130 00 ok", "IBAN [account] ok"), ("GB82WEST12345698765432",
                                                                     "[account]"),
    ("card 4111 1111 1111 1111!", "card [card]!"), ("5500-0000-0000-0004", "[card]"),
    ("at 52.37022, 4.89517 now", "at [place] now"), ("ip 93.184.216.34", "ip [address]"),
    ("2606:2800:220:1:248:1893:25c8:1946", "[address]"), ("de:ad:be:ef:00:01", "[address]"),
    ("pay bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "pay [account]"),
    ("passport no. X1234567 gone", "[id] gone"), ("SSN 078-05-1120", "[id]"),
    ("078-05-1120", "[id]"),
    ("born on 12.05.1980 in", "[birthday] in"), ("12 Baker Street, please", "[place], please"),
    ("Lindenstraße 12a", "[place]"), ("Prinsengracht 263", "[place]"),
    ("12 rue de Rivoli", "[place]"), ("at 52°22'12\"N 4°53'42\"E now", "at [place] now"),
    ("geb. 12.05.1980", "[birthday]"), ("ask @ada_test", "ask [name]"),
    # other numbers around it, small letters, spaces: each of these stayed
    ("card 4111 1111 1111 1111 123", "card [card] 123"), ("2223 0031 2200 3222", "[card]"),
    ("4111 1111 1111 1111 12/25 123", "[card] 12/25 123"),
    ("of 2021 4111111111111111", "of 2021 [card]"),
    ("ES91 2100 0418 4502 0005 1332 BIC CAIXESBB", "[account] BIC CAIXESBB"),
    ("BE68 5390 0754 7034 50 EUR", "[account] 50 EUR"),
    ("de89 3704 0044 0532 0130 00", "[account]"),
    ("at 52.3702° N, 4.8952° E now", "at [place] now"),
    ("@447700900122 did you", "[phone] did you"),
    # a slip in the check digit, or an account without one: each of these stayed beside its word
    ("my card: 4111 1111 1111 1112.", "my card: [card]."),
    ("AMEX 3714-496353-98432", "AMEX [card]"),
    ("Kreditkarte 4111111111111112 ok", "Kreditkarte [card] ok"),
    ("bank account: 945456787654", "bank account: [account]"),
    ("my IBAN is DE89 3704 0044 0532 0130 01.", "my IBAN is [account]."),
    ("Kontonummer 532 013 000, BLZ 370 400 44", "Kontonummer [account], BLZ [account]"),
    ("sort code 12-34-56", "sort code [account]"), ("at 56 N First St now", "at [place] now"),
    # other marks between, so that no program shall find it: each of these stayed
    ("IBAN DE89.3704.0044.0532.0130.00 ok", "IBAN [account] ok"),
    ("DE89-3704-0044-0532-0130-00", "[account]"),
    ("ＤＥ８９ ３７０４ ００４４ ０５３２ ０１３０ ００", "[account]"),
    ("mail me [at] example.org now", "mail [mail] now"), ("me(at)example(dot)org", "[mail]"),
    ("me [AT] mail [DOT] example [dot] org", "[mail]"), ("me@example[.]org", "[mail]"),
    ("ada.b at example dot org, please", "[mail], please"), ("ａｄａ＠ｘ．ｏｒｇ", "[mail]"),
    ("me {ät} example {punkt} de", "[mail]"), ("ada <at> x.org", "[mail]"),
    ("call 0044 7700 900122 now", "call [phone] now"),
    ("I am 34 years old.", "I am [age]."), ("my 7-year-old draws", "my [age] draws"),
    ("a girl, aged 12, sang", "a girl, [age], sang"), ("Age: 34", "[age]"),
    ("ich bin 34 Jahre alt", "ich bin [age]"), ("ze is 34 jaar oud", "ze is [age]"),
    ("j'ai 34 ans et toi", "[age] et toi"), ("tengo 34 años", "[age]"), ("101 years old", "[age]"),
    ("I'm 34 and tired", "[age] and tired"), ("she is 34.", "[age]."), ("he's 12!", "[age]!"),
    ("I turned 34 today", "I [age] today"), ("34 y.o.", "[age]"), ("7 months old", "[age]"),
    ("ik ben 34 jaar", "[age]"), ("er ist 12, glaube ich", "[age], glaube ich"),
    ("mam 34 lata", "[age]"), ("мне 34 года", "[age]"), ("我34岁了", "我[age]了"),
    ("she's already 40 now", "[age] now"), ("olen 34-vuotias", "olen [age]"),
])
def test_personal_data_becomes_a_word_for_it(text: str, meant: str) -> None:
    assert scrub(text) == meant
    assert scrub(text, personal="keep", names="keep") == text


@nasty(24)
@pytest.mark.parametrize("text", [
    "4111 1111 1111 1112 is no card", "1234567890123456 is an id", "DE89 3704 0044 0532 0130 01",
    "10.0.0.4 and 127.0.0.1", "version 1.2.3", "34.5, 12.1", "it rose 12.345 m, fell 6.789",
    "078-00-1120", "at 18:45:03 on 2021-03-06", "3.14159 26535", "12 red roses", "a@b", "500 000 m",
    "4111 1111 1111 1112 123", "30 31 32 33 34 35 36 37 38 39", "2223 0031 2200 3223",
    "@1234567",
    "in 1999 2004 2012 2021 it flew", "es91 and so on it went from here to there and back",
    "BE68 5390 0754 7035 is none", "0044 kettles",
    "Sunday Street of ours", "look [at] this. Then go", "look at the dot on the map",
    "DE89.3704.0044.0532.0130.01", "meet (at) noon", "at home dot by dot", "the dot org chart",
    "it was 52° in the box", "4° 30 N",
    "34 years ago", "4.6 billion years", "in the age of 1984", "wage 34", "it took 12 years",
    "I'm 34 minutes late", "she is 3 km away", "we are 12", "he's 3rd", "I am 2.5 m up",
    "it turned 34 degrees", "I'm 5 and a half hours late", "it is 34.", "I am 12,5 m up",
    "2034 years old", "pages 12", "il y a 34 ans", "hace 12 años",
    "the card of 2021 and 2022", "cards 10 11 12 13", "on account of 12 kettles",
    "discard 1234567890123456", "my bank account has 1 000 000 in it", "a card with 16 corners",
])
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert pii.find(text, None) == []


@nasty(24)
def test_numbers_of_the_makers_country_need_no_plus() -> None:
    assert scrub("bel 06 12345678", region="NL") == "bel [phone]"
    assert scrub("heb je 612345678 nog?", region="NL") == "heb je [phone] nog?"
    assert scrub("heb je 612345678 nog?") == "heb je 612345678 nog?"
    with pytest.raises(ValueError, match="region"):
        Privacy(region="Netherlands")


def test_personal_data_may_drop_the_message_instead() -> None:
    assert scrub("call +44 7700 900122", personal="drop") is None
    assert scrub("see https://x.org", personal="drop") == "see [link]"  # a link is nobody


def test_blocked_words_and_health() -> None:
    assert scrub("Project KETTLE is go", blocked=("kettle",)) is None
    for written in ("Ｋｅｔｔｌｅ", "Ke\u0301ttle", "ketTLE"):
        assert scrub(f"Project {written} is go", blocked=("Kéttle",)) is None
    assert scrub("Weissensee", blocked=("weißensee",)) is None
    assert scrub("Project Cattle is go", blocked=("kettle",)) == "Project Cattle is go"
    scrubber = Scrubber(Privacy())
    long = f"We walked along the river {'and on ' * 9}; my therapist says rest"
    assert scrubber.scrub(long, Notes()) == long
    sample, = scrubber.sheet.samples["about health (not changed)"]
    assert (sample.what, sample.after) == ("therapist", " says rest"), "the word, not the beginning"


@nasty(24, 26)
def test_a_password_costs_its_paragraph_and_not_the_book() -> None:
    paragraph = "The wind went round to the north and nobody said a word about it. " * 20
    secret = "The password is K3ttle!time, remember."
    book = "\n\n".join([paragraph, secret, *[paragraph] * 9])
    notes = Notes()
    left = Scrubber(Privacy()).scrub(book, notes)
    assert left is not None and "K3ttle" not in left and notes.skipped == {"secret in it": 1}
    assert 0 < len(book) - len(left) <= BLOCK_CHARS_MAX


@nasty(24, 26)
@pytest.mark.parametrize(("private", "left"), [
    ("+44 7700 900122", "900122"), ("Carla Mint", "Carla"), ("password is Kettle77", "Kettle77"),
    ("Project\nKettle", "Kettle")])
def test_nothing_private_survives_where_long_writing_is_cut(private: str, left: str) -> None:
    """Each block was scrubbed by itself."""
    listed = NameList(listed=["Carla Mint"])
    for before in range(BLOCK_CHARS_MAX - 28, BLOCK_CHARS_MAX + 1, 4):
        text = ("word " * 400)[:before] + f" {private} " + "word " * 20
        once = scrub(text, listed, blocked=("project kettle",))
        assert once is None or left not in once, before


@nasty(24)
def test_a_number_across_the_end_of_a_dropped_block_goes_whole() -> None:
    told = "my password is Kettle77 "
    for before in range(BLOCK_CHARS_MAX - 18, BLOCK_CHARS_MAX - 2, 2):
        words = (told + "word " * 400)[:before]
        once = scrub(f"{words} +44 7700 900122 {'word ' * 20}")
        assert once is not None and "900122" not in once and "7700" not in once, before


@nasty(26)
@given(st.text(alphabet=st.sampled_from("a \n"), max_size=3 * BLOCK_CHARS_MAX),
       st.integers(1, 9))
def test_blocks_make_up_the_text(text: str, times: int) -> None:
    pieces = list(blocks(text * times))
    assert "".join(pieces) == text * times
    assert all(len(piece) <= BLOCK_CHARS_MAX for piece in pieces)


# --- names ---

NAMES = NameList([("Bo Berg", "N"), ("Will Hill", "K"), ("Zoë", "R"), ("李小龙", "T"),
                  ("Li", "L")], ["Carla Mint"], ["Ada Test", "Edda"])


@nasty(24)
@pytest.mark.parametrize(("text", "found"), [
    ("my son Leo is seven", ["Leo"]), ("Her little daughter, Mia, and mijn zoontje Sem",
                                       ["Mia", "Sem"]),
    ("mon fils s'appelle Luc", ["Luc"]), ("mein Sohn heißt Jonas", ["Jonas"]),
    ("mein Sohn Fußball spielt", []), ("my son. Leo is a cat", []), ("my son Monday said", []),
    ("the sun Leo", []), ("my daughter is here", []),
])
def test_children_are_known_by_what_is_said_of_them(text: str, found: list[str]) -> None:
    assert pii.children(text) == found


@nasty(18)
@pytest.mark.parametrize(("text", "meant"), [
    ("Bo Berg came", "N came"), ("Berg's van and Berg’s dog", "N's van and N’s dog"),
    ("ask Zoë, Zoë!", "ask R, R!"), ("BERG said", "N said"), ("bo berg said", "N said"),
    ("Will Hill will", "K will"), ("Will you, Hill?", "Will you, Hill?"),  # everyday words
    ("an iceberg", "an iceberg"), ("a berg of ice", "a berg of ice"),
    ("Ada Test is me", "Ada Test is me"),
    ("Carla was here", "N was here"), ("问李小龙好", "问T好"), ("Ваrlа and Вerg", "Ваrlа and N"),
    ("Li is short", "Li is short"), ("Bo-Berg and Bo Berg-Smith", "Bo-Berg and Bo Berg-Smith"),
])
def test_names_by_list(text: str, meant: str) -> None:
    assert scrub(text, NAMES) == meant


@nasty(18, 24)
@pytest.mark.parametrize(("listed", "text", "meant"), [
    ("Bo", "Bo and bo, not Bob", "N and N, not Bob"), ("Carla Mint", "carla and Mint", "N and N"),
    ("Carla Mint", "mint tea for carla mint", "mint tea for N"), ("R2-D2", "ask r2-d2!", "ask N!"),
    ("Mark", "did Mark call? mark my words", "did N call? mark my words"),  # an everyday word
    ("mark", "did mark call?", "did N call?"),  # the maker wrote it small
    ("Zoe\u0308", "Zo\u00eb", "N"), ("Maria de la Cruz Will", "maria de la cruz will", "N"),
])
def test_a_listed_name_goes_whole(listed: str, text: str, meant: str) -> None:
    """Short names and everyday words of extra_names were ignored without a word."""
    assert scrub(text, NameList(listed=[listed])) == meant


@nasty(24)
def test_a_child_may_be_called_by_an_everyday_word() -> None:
    listed = NameList([("Lily", "K"), ("Mark", "R")], children=["Lily"])
    assert scrub("Lily is six, Mark", listed) == "K is six, Mark"
    assert scrub("a lily of hers", listed) == "a lily of hers"


@nasty(25)
def test_our_own_marks_written_by_somebody_are_not_ours() -> None:
    assert scrub("he wrote [phone] there") == "he wrote (phone) there"


PRIVATE = ("+44 7700 900122", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "ada@x.org",
           "52.37022, 4.89517", "12 Baker Street", "https://x.org/a", "Bo Berg", "Zoë", "Carla",
           "@ada_test", "李小龙")
HIDDEN = ("", "\u200b", "\u00ad", "\u200d", "\u2060", "\u3164", "\ufe0e", "\U000e0041")


@nasty(24, 15)
@settings(max_examples=40, deadline=None)  # phonenumbers loads its tables when first asked
@given(st.lists(st.one_of(st.sampled_from(PRIVATE), st.text(max_size=9)), max_size=4),
       st.sampled_from(HIDDEN), st.integers(1, 9), st.sampled_from((" ", "\u00a0", "\u202f")),
       st.sampled_from(("NFC", "NFD")))
def test_no_private_thing_is_left_in_any_text(pieces: list[str], hidden: str, every: int,
                                              space: str, form: str) -> None:
    text = "".join(char + hidden * (i % every == 0) for i, char in enumerate(" ".join(pieces)))
    once = scrub(unicodedata.normalize(form, text).replace(" ", space), NAMES, secrets="keep")
    assert once is not None and plain(once) == once
    assert pii.find(once, None) == [] and list(NAMES.find(once)) == []


@given(st.integers(0, 10**15 - 1))
def test_the_last_digit_of_a_card_is_checked(number: int) -> None:
    digits = f"4{number:015d}"[:15]
    assert sum(payment_ids.is_luhn(digits + str(last)) for last in range(10)) == 1


def test_finding_secrets_is_no_guess_about_words() -> None:
    assert list(secrets.find("The hedge and I have an understanding.")) == []


@nasty(24)
@pytest.mark.parametrize(("name", "text", "meant"), [
    ("Annika Wolters", "Annikas house is Wolters's.", "N house is N's."),  # German, Dutch, Swedish
    ("Zoë Núñez", "Zoe said so, and Nunez.", "N said so, and N."),  # as one types it
    ("Łukasz Møller", "Lukasz and Moller flew.", "N and N flew."),
    ("Алёна Йонова", "Алена и Ионова.", "N и N."),
    ("田中 太郎", "田中さんと太郎、田中太郎。", "NさんとN、N。"),
    ("ジョン・スミス", "ジョンとスミス", "NとN"),
    ("佐藤 Kenji", "Kenji and 佐藤 flew.", "N and N flew."),
])
def test_a_name_is_known_as_people_write_it(name: str, text: str, meant: str) -> None:
    assert scrub(text, NameList([(name, "N")])) == meant


@nasty(24)
def test_what_looks_like_a_name_with_something_added_stays_where_it_is_a_name_that_stays() -> None:
    listed = NameList([("Peter Lang", "N"), ("Peters", "K"), ("田中 太郎", "T")],
                      listed=["anna"], keep=["Jonas Peters", "田中 花子"])
    assert scrub("Peters and Peter. Annas and annas. 田中花子と太郎", listed) == (
        "Peters and N. N and N. 田中花子とT")
    assert scrub("Peters and Peter.", NameList([("Peter", "N"), ("Peters", "K")])) == "K and N."
