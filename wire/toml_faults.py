"""What is wrong with a TOML file, in words: where, what was given, and what is allowed there.

The words come from the JSON Schema of the pydantic model that refused it. A field whose pattern
nobody could read says by its ``description`` what it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from wire.unknown_name import LIKE_MIN, unknown_name

Place = Sequence[int | str]  # keys from the top, and positions in arrays from 0
_Schema = dict[str, Any]
_Fault = Any  # one of ValidationError.errors()

VALUE_CHARS_MAX = 80  # of a refused value in a sentence
_DEPTH_MAX = 4  # of the arrays in one
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
             "tenth", "eleventh", "twelfth")
# By the last word of a key.
_UNITS = {
    "s": "s", "ms": "ms", "h": "h", "m": "m", "mps": "m/s", "deg": "degrees", "hz": "Hz",
    "khz": "kHz", "bps": "bit/s", "percent": "percent", "bytes": "bytes", "mb": "MB", "mah": "mAh",
    "mv": "mV", "mohm": "milliohms", "dbm": "dBm", "dbfs": "dBFS", "baud": "bit/s"}
_NOUNS = {"pin": "the BCM number of a pin,", "address": "an address"}
_HEXADECIMAL = ("address", "word")
_PLAIN_SYNTAX = (  # what `tomllib` says, and what a maker did
    (re.compile(r"\('(.*?)',?\)"), lambda key: key[1].replace("', '", ".")),
    (re.compile("^Cannot overwrite a value"), "A key is given twice"),
    (re.compile("^Invalid value"), "Invalid value; a text stands in quotes"))


def sentences(model: type[BaseModel], error: ValidationError) -> list[str]:
    """One for each fault, without a full stop. Unknown keys come first: one that is misspelt is
    also missing, which is not said."""
    top = _schema_of(model)
    faults = error.errors()
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    meant = {(*table, *get_close_matches(str(name), _keys(top, table), 1, LIKE_MIN))
             for *table, name in (fault["loc"] for fault in unknown)}
    others = (fault for fault in faults if fault["type"] != "extra_forbidden"
              and not (fault["type"] == "missing" and fault["loc"] in meant))
    return [*(_unknown(top, fault) for fault in unknown), *(_refused(top, one) for one in others)]


@cache
def _schema_of(model: type[BaseModel]) -> _Schema:
    return model.model_json_schema()


def syntax(error: ValueError) -> str:
    """What is wrong with a text that is no TOML, of what `tomllib` raised."""
    said = str(error)
    for pattern, words in _PLAIN_SYNTAX:
        said = pattern.sub(words, said)
    return said


def place_words(place: Place) -> str:
    """Such as "radio.mtu_bytes", "the second [[api]]: url" or "the first entry of flight.fence".
    """
    *before, last = place
    if isinstance(last, int):
        return f"the {_ordinal(last)} entry of {place_words(before)}"
    within = _innermost(place)
    table = f"{_table_words(place[:within])}: " if within else ""
    return table + ".".join(map(str, place[within:]))


def _table_words(place: Place) -> str:
    """Such as "[radio]", "the first [[api]]" or "the second [[a.b]] of the first [[a]]"."""
    if not isinstance(place[-1], int):
        return f"[{_dotted(place)}]"
    outside = _innermost(place[:-1])
    of = f" of {_table_words(place[:outside])}" if outside else ""
    return f"the {_ordinal(place[-1])} [[{_dotted(place)}]]{of}"


def _dotted(place: Place) -> str:
    return ".".join(part for part in place if isinstance(part, str))


def _innermost(place: Place) -> int:
    """How much of the place is the innermost of its arrays of tables; 0 where it is in none."""
    return next((at for at in range(len(place), 0, -1) if isinstance(place[at - 1], int)), 0)


def _ordinal(position: int) -> str:
    if position < len(_ORDINALS):
        return _ORDINALS[position]
    number = position + 1
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _unknown(top: _Schema, fault: _Fault) -> str:
    *table, last = fault["loc"]
    name, shown = str(last), str(last)[:VALUE_CHARS_MAX]
    is_table = isinstance(fault["input"], dict | list | tuple)
    homes = [place for place in _homes(top, top, name) if (place[1] is not None) is is_table]
    home = ""
    if len(homes) == 1:
        section, header = homes[0]
        home = f"; write {header}" if is_table else f"; it belongs in {section}"
    if table:
        return f"{_table_words(table)}: {unknown_name('key', shown, _keys(top, table))}{home}"
    if is_table:
        return unknown_name("section", shown, _keys(top, ())) + home
    return f"unknown key {shown!r} outside all sections{home or '; write it below its [section]'}"


def _homes(
    top: _Schema, schema: _Schema, name: str, section: str = "", names: str = ""
) -> Iterator[tuple[str, str | None]]:
    """(section, header of it where it is a table itself) of every place that knows this name."""
    for key, each in schema["properties"].items():
        plain = _plain(top, each)
        dotted = f"{names}.{key}".lstrip(".")
        rows = _plain(top, plain.get("items", {}))
        inner = plain if "properties" in plain else rows
        is_table = "properties" in inner
        header = f"[[{dotted}]]" if inner is rows else f"[{dotted}]"
        if key == name:
            yield section, header if is_table else None
        if is_table:
            yield from _homes(top, inner, name, header, dotted)


def _keys(top: _Schema, table: Place) -> list[str]:
    return sorted(_at(top, table)["properties"])


def _at(top: _Schema, place: Place) -> _Schema:
    """What is allowed at this place."""
    schema = top
    for part in place:
        if isinstance(part, int):
            schema = schema["prefixItems"][part] if "prefixItems" in schema else schema["items"]
        else:
            schema = schema.get("properties", {}).get(part) or schema["additionalProperties"]
        schema = _plain(top, schema)
    return schema


def _plain(top: _Schema, schema: _Schema) -> _Schema:
    """The same without "or null", which no TOML can say, and with what it refers to."""
    for option in schema.get("anyOf", ()):
        if option != {"type": "null"}:
            return _plain(top, option)
    if "$ref" in schema:
        found: _Schema = top["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _refused(top: _Schema, fault: _Fault) -> str:
    kind, place, value = fault["type"], fault["loc"], fault["input"]
    if kind == "missing":
        if isinstance(place[-1], str):
            return _missing(top, place)
        place = place[:-1]  # an entry of a short array, of which the whole is told
    schema, key = _at(top, place), _last_key(place)
    if kind == "value_error":
        reason = fault["msg"].removeprefix("Value error, ")
        if isinstance(value, dict):
            return f"{_table_words(place)}: {reason}"
    elif kind in ("too_long", "too_short") and "prefixItems" not in schema:
        return f"{place_words(place)} has {len(value)} entries; allowed are {_count(schema)}"
    elif "properties" in schema or "properties" in _plain(top, schema.get("items", {})):
        return _table_wanted(schema, place, value)
    else:
        reason = f"must be {_allowed(top, schema, key)}{_quotes(schema, value)}"
    near = ""
    if isinstance(value, str):
        found = get_close_matches(value, map(str, schema.get("enum", ())), 1, LIKE_MIN)
        near = f" (did you mean {found[0]!r}?)" if found else ""
    return f"{place_words(place)} = {_as_written(value, key)}{near}: {reason}"


def _missing(top: _Schema, place: Place) -> str:
    schema, where = _at(top, place), place_words(place)
    if "properties" in schema:
        return f"section {_table_words(place)} is missing"
    if "properties" in _plain(top, schema.get("items", {})):
        return f"{where} is missing; write at least one [[{_dotted(place)}]]"
    *table, key = place
    where = f"{_table_words(table)}: key {key}" if _innermost(place) else f"key {where}"
    return f"{where} is missing; it must be {_allowed(top, schema, str(key))}"


def _table_wanted(schema: _Schema, place: Place, value: Any) -> str:
    """Where there is something else in place of a section, or of an array of them."""
    names = _dotted(place)
    if isinstance(place[-1], int):
        return f"{place_words(place)} must be a table; write [[{names}]]"
    one, many = f"[{names}]", f"[[{names}]]"
    right, given = (one, many) if "properties" in schema else (many, one)
    if not isinstance(value, dict | list | tuple):
        given = f"{names} = {_as_written(value, '')}"
    return f"{given} must be written {right}"


def _allowed(top: _Schema, schema: _Schema, key: str) -> str:
    """What a value must be, such as "a whole number from 5 to 600 s"."""
    schema = _plain(top, schema)
    if "enum" in schema or "const" in schema:
        return _one_of(schema.get("enum", [schema.get("const")]), key)
    if "description" in schema:
        return str(schema["description"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "string":
            return _text_words(schema)
        case "integer" | "number" as kind:
            return _number_words(schema, kind, key)
        case "array":
            rows = schema.get("items")
            each = f", each of them {_allowed(top, rows, key)}" if rows else ""
            return f"an array of {_count(schema)} entries{each}"
    return "a table"


def _one_of(values: Sequence[Any], key: str) -> str:
    words = [str(value) for value in values]
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return listed if isinstance(values[0], str) else listed + _unit(key)


def _text_words(schema: _Schema) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if high is not None:
        return f"a text of {low} to {high} characters" if low else (
            f"a text of at most {high} characters")
    return "a text that is not empty" if low else "a text"


def _number_words(schema: _Schema, kind: str, key: str) -> str:
    last = key.rpartition("_")[2]
    noun = _NOUNS.get(last, "a whole number" if kind == "integer" else "a number")
    low, high = (schema.get(end) for end in ("minimum", "maximum"))
    above, below = (schema.get(end) for end in ("exclusiveMinimum", "exclusiveMaximum"))
    if low is not None and high is not None:
        span = f" from {_bound(low, key)} to {_bound(high, key)}"
    else:
        ends = ((low, "of at least"), (above, "above"), (high, "of at most"), (below, "below"))
        span = " and".join(f" {word} {_bound(end, key)}" for end, word in ends if end is not None)
    return f"{noun}{span}{_unit(key)}"


def _count(schema: _Schema) -> str:
    """How many entries an array may have."""
    low, high = schema.get("minItems", 0), schema.get("maxItems", schema.get("maxLength"))
    if high is None:
        return f"at least {low}" if low else "any number of"
    if low == high:
        return f"{low}"
    return f"{low} to {high}" if low else f"at most {high}"


def _unit(key: str) -> str:
    unit = _UNITS.get(key.rpartition("_")[2])
    return f" {unit}" if unit else ""


def _quotes(schema: _Schema, value: Any) -> str:
    """What a maker forgot about quotes."""
    if schema.get("type") == "string":
        return "" if isinstance(value, str) else ", in quotes"
    is_bare = schema.get("type") in ("integer", "number", "boolean")
    return ", without quotes" if is_bare and isinstance(value, str) else ""


def _last_key(place: Place) -> str:
    return next((part for part in reversed(place) if isinstance(part, str)), "")


def _as_written(value: Any, key: str) -> str:
    """A value as TOML has it, cut where it is too long to read."""
    shown = _toml(value, key, 0)
    return shown if len(shown) <= VALUE_CHARS_MAX else shown[:VALUE_CHARS_MAX] + "..."


def _toml(value: Any, key: str, depth: int) -> str:
    if isinstance(value, list | tuple):
        inner = "..." if depth == _DEPTH_MAX else ", ".join(
            _toml(each, key, depth + 1) for each in value[:VALUE_CHARS_MAX])
        return f"[{inner}]"
    if isinstance(value, dict):
        return "{...}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return _whole(value, key)
    return repr(value) if isinstance(value, str | float) else str(value)


def _bound(value: float, key: str) -> str:
    return _whole(value, key) if isinstance(value, int) else f"{value:g}"


def _whole(value: int, key: str) -> str:
    is_huge = value.bit_length() > 4 * VALUE_CHARS_MAX  # Python makes no decimal digits of some
    is_hexadecimal = key.rpartition("_")[2] in _HEXADECIMAL
    return f"{value:#04x}" if is_huge or is_hexadecimal else f"{value}"
