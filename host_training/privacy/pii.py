"""Finds structured personal data in a text, by its format and, where it has one, its checksum.

Phone numbers by ``phones``, cards and IBAN by ``payment_ids``; addresses, coordinates,
identity numbers and dates of birth by the words around them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from host_training.privacy import payment_ids, phones
from wire.folding import narrow


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """The position and kind of something personal."""

    start: int
    end: int
    kind: str


def _is_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # 10.0.0.4 and 127.0.0.1 are nobody's, and so is a version like 1.2.3.4 (hardly ever public)
    return address.is_global


def _is_place(text: str) -> bool:
    latitude, longitude = (float(part) for part in re.findall(r"-?\d+\.\d+", text)[:2])
    return abs(latitude) <= 90 and abs(longitude) <= 180


_STREET = (
    r"\b\d{1,5}[a-z]?,? (?:[NSEW]\.? )?(?:[A-Z][\w'’.-]+ ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|"
    r"Ct|Terrace|Square|Boulevard|Blvd|Crescent|Close)\b\.?|"
    r"\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|gasse|allee|platz|damm|straat|laan|gracht|plein|"
    r"kade|singel|gatan|vägen|gade|vej|katu) \d{1,4} ?[a-zA-Z]?\b|"
    r"\b\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai)"
    r" (?:de |du |des |de la |de l'|d')?[A-ZÀ-Ý][\w'’-]+(?: [A-ZÀ-Ý][\w'’-]+)?|"
    r"\b(?:[Cc]alle|[Aa]venida|[Pp]aseo|[Vv]ia|[Pp]iazza|[Rr]ua|[Uu]l\.|[Uu]lica)"
    r" (?:de |del |da |do |della )?[A-ZÀ-Ý][\w'’-]+(?: [A-ZÀ-Ý][\w'’-]+)?,? (?:n[º°.]? ?)?"
    r"\d{1,4}\b")
_ANGLE = r"\d{1,3}° ?\d{1,2}['′](?: ?\d{1,2}(?:\.\d+)?(?:\"|″|''))? ?[NSEWO]\b"
_DAY = r"\d{1,4}[./ -](?:\d{1,2}|[A-Za-zäéû]{3,9})[./ -]\d{2,4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4}"
_ID_WORDS = (
    "passport|reisepass|paspoort|passeport|pasaporte|personalausweis|id card|ssn|social security|"
    "bsn|burgerservicenummer|nino?|national insurance|dni|nie|cpf|codice fiscale|steuer-?id|tax id|"
    "licence plate|kennzeichen")
_BIRTH_WORDS = (
    "born|birthday|birthdate|date of birth|dob|geb|geboren|geburtstag|verjaardag|né|née|nacid[oa]|"
    "nat[oa]")

# "34 years old", "a 7-year-old"; where a language says that somebody has years, with the verb
_AGE = (
    r"(?<![\d.,])1?\d{1,2}[- ]?(?:years?|yrs?)[- ](?:olds?|of age)\b|(?<![\d.,])1?\d{1,2}"
    r" ?(?:yo|y/o)\b|\baged? ?:? ?1?\d{1,2}\b(?! ?[%\d])|(?<![\d.,])1?\d{1,2}"
    r" ?(?:jahre alt|jaar oud|år gammal|år gammel|lat mam|-?jährige?[rns]?)\b|"
    r"\b(?:j'ai|il a|elle a|tengo|tiene|ho|ha|tenho|tem) 1?\d{1,2} (?:ans|años|anni|anos)\b|"
    r"(?<![\d.,])1?\d{1,2}"
    r"(?: y\.o\.| (?:months|weeks) old\b|-?vuotias\b| yaşında\b| ?(?:岁|歲|歳|살))|"
    r"\b(?:ik ben|hij is|zij is|ze is|jag är|han är|hon är|jeg er|mam|ma) 1?\d{1,2}"
    r" (?:jaar|år|lata?)\b(?! oud| gamm)|\b(?:мне|ему|ей|мені|йому|їй) 1?\d{1,2}"
    r"(?: (?:года?|лет|рок[иі]в?|років))?\b|"
    # "I'm 34", and not "I'm 34 minutes late": a number, and then the end or another thought
    r"\b(?:i am|i['’]m|s?he is|s?he['’]s|turn(?:s|ed|ing)|ich bin|er ist|sie ist|ik ben|hij is|"
    r"zij is|ze is|jag är|han är|hon är) (?:now |just |already |only |jetzt |schon |erst |nu |al )?"
    r"1?\d{1,2}(?=\s*(?:$|\n|[.,;](?!\d)|[!?)]|(?:and|but|now|today|tomorrow|soon|next|this|in|on|"
    r"und|aber|geworden|en|maar|och)\b(?! a half)))")

# me@example.org, and as it is written so that no program shall find it: me [at] example (dot) org
_OPEN, _CLOSE = r"[\[({<]\s?", r"\s?[\])}>]"
_AT, _DOT = (rf"\s?{_OPEN}(?:{words}){_CLOSE}\s?" for words in (r"@|at|ät", r"\.|dot|punkt|punt"))
_MAIL_PARTS = (r"(?<![\w.+-])[\w.+%-]{1,64}", r"[\w-]+")

# Nothing below is without a digit, an @, a slash, a colon, "www.", "(at" or " dot "; most are.
_WITHOUT = re.compile(
    rf"(?:[^\d@/:wd\[({{<]|w(?!ww\.)|d(?!ot\s)|(?!{_OPEN}[aä]t)[\[({{<])*", re.IGNORECASE)

# kind, pattern, further check: in this order, so that a card is not taken for a phone number
_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("mail", re.compile(rf"{_MAIL_PARTS[0]}(?:@|{_AT}){_MAIL_PARTS[1]}(?:(?:\.|{_DOT})"
                        rf"{_MAIL_PARTS[1]})+", re.IGNORECASE), lambda text: True),
    ("mail", re.compile(rf"{_MAIL_PARTS[0]} at {_MAIL_PARTS[1]}(?: dot {_MAIL_PARTS[1]})* dot "
                        r"(?:com|org|net|info|io|de|nl|uk|fr|eu|ch|se|dk)\b", re.IGNORECASE),
     lambda text: True),
    ("link", re.compile(r"\b(?:https?://|www\.)[^\s<>\"'“”]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|"
                        r"io|de|nl|uk|fr|eu|me|dev|app)/[^\s<>\"'“”]+", re.I), lambda text: True),
    ("place", re.compile(r"(?<![\d.])-?\d{1,2}\.\d{3,8}\s?°?\s?[NS]?\s*[,;/ ]\s*-?\d{1,3}\.\d{3,8}"
                         r"(?:\s?°?\s?[EWO]\b|\s?°)?", re.IGNORECASE), _is_place),
    ("place", re.compile(rf"\b{_ANGLE}(?:[,;/ ] ?{_ANGLE})?"), lambda text: True),
    ("place", re.compile(_STREET), lambda text: True),
    ("address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), _is_ip),
    ("address", re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:|:){2,7}[0-9a-f:]{1,20}(?![\w:])", re.I),
     _is_ip),
    ("address", re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.I), lambda text: True),
    ("account", re.compile(r"\b(?:bc1[a-z0-9]{25,60}|0x[0-9a-fA-F]{40}|"
                           r"[13][1-9A-HJ-NP-Za-km-z]{25,34})\b"),
     lambda text: any(c.isdigit() for c in text)),
    ("id", re.compile(rf"\b(?:{_ID_WORDS})\b[^\w\n]{{0,3}}"
                      r"(?:(?:no|nr|number|nummer|num|is|:)[^\w\n]{0,3}){0,2}"
                      r"(?=[\w-]*\d)[A-Z0-9]{2,14}(?:[ .-](?=\w*\d)[A-Z0-9]{1,6}){0,4}\b", re.I),
     lambda text: True),
    ("id", re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"),
     lambda text: True),
    ("birthday", re.compile(rf"\b(?:{_BIRTH_WORDS})\b[^\d\n]{{0,20}}(?:{_DAY})", re.I),
     lambda text: True),
    ("age", re.compile(_AGE, re.IGNORECASE), lambda text: True),
    ("name", re.compile(r"(?<![\w@/.])@[A-Za-z_]\w{2,30}\b"), lambda text: True),
)
_HEALTH = re.compile(
    r"\b(?:diagnos\w+|depress\w+|antidepress\w+|chemo\w*|cancer|tumou?r|hiv|pregnan\w+|miscarriage|"
    r"abortion|psychiatr\w+|therap(?:y|ist)|suicid\w+|diabet\w+|epilep\w+|medication|prescri\w+|"
    r"schwanger\w*|krebs|depression\w*|zwanger|kanker|embarazad\w+|enceinte)\b", re.IGNORECASE)


# "my son Leo": a child has no account, and is named by those who love it
_CHILD = re.compile(
    r"\b(?i:my|our|his|her|their|mijn|onze|zijn|haar|mon|ma|notre|sa|son|mi|nuestr[oa]|su)"
    r"(?i: (?:little|oldest|eldest|youngest|jongste|oudste|petite?|baby))?"
    r"(?i: (?:son|daughter|kid|child|boy|girl|baby|niece|nephew|grand(?:son|daughter|child)|"
    r"zoon(?:tje)?|dochter(?:tje)?|klein(?:zoon|dochter)|fils|fille|hij[oa]|niet[oa]))"
    r"(?i:,| is called| is named| named|'s name is| heet| s'appelle| se llama)?"
    r" (?P<name>[A-ZÀ-Ý][^\W\d_]{2,})\b|"
    # a German noun has a capital letter too
    r"\b(?i:sohn|tochter|enkelin|enkel|neffe|nichte|kind|baby) (?i:heißt|namens)"
    r" (?P<name2>[A-ZÄÖÜ][^\W\d_]{2,})\b")
_NO_NAMES = frozenset({
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"})


def children(text: str) -> list[str]:
    """First names after "my son", "haar dochter" and similar words."""
    found = (match["name"] or match["name2"] for match in _CHILD.finditer(text))
    return [name for name in found if name not in _NO_NAMES]


def find(text: str, region: str | None) -> list[PersonalSpan]:
    """All personal data, in order, disjoint; full-width characters are treated as ordinary ones.

    Args:    region: two letters (ISO 3166) for phone numbers without a country code.
    """
    text = narrow(text)
    if _WITHOUT.fullmatch(text):
        return []
    found: list[PersonalSpan] = []
    for kind, pattern, is_one in _PATTERNS:
        found += [PersonalSpan(match.start(), match.end(), kind) for match in pattern.finditer(text)
                  if is_one(match[0])]
        if kind == "link":  # before phone numbers, which a card would be taken for
            found += [PersonalSpan(*span, "account") for span in payment_ids.ibans(text)]
            found += [PersonalSpan(*span, "card") for span in payment_ids.cards(text)]
            found += [PersonalSpan(*span) for span in payment_ids.numbers_near_words(text)]
            found += [PersonalSpan(*span, "phone") for span in phones.find(text, region)]
    kept: list[PersonalSpan] = []
    taken = bytearray(len(text))
    for one in found:  # the first kind that claims a stretch has it
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = bytes([1]) * (one.end - one.start)
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def find_health(text: str) -> tuple[int, int] | None:
    """The position of the first word about health, which is shown for review and kept."""
    found = _HEALTH.search(text)
    return found.span() if found else None
