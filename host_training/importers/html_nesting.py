"""An HTML page written anew so that reading it takes time in proportion to its length.

To place a tag a parser searches the elements that are open, and for an attribute those before it
in its tag: elements within elements, or attributes without end, take time that grows with the
square of the page, minutes for a mail of 2 MB. A page of more than PLAIN_CHARS is therefore written
anew before it is parsed: no deeper than NESTED_MAX, every element closed in the order in which it
was opened, ATTRIBUTES_MAX attributes in a tag. Deeper tags are left out and their words kept;
comments, scripts, and the tags of bold letters and the like are left out as well.

Source: https://html.spec.whatwg.org/multipage/parsing.html, whose names the comments use.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import islice

PLAIN_CHARS = 20_000  # at most 0.03 s, however they are nested
NESTED_MAX = 256  # browsers stop at 512
ATTRIBUTES_MAX = 64
_TAG_CHARS_MAX = 400  # of attributes that are kept as they are

_IS_TAG = re.compile(r"</?[A-Za-z]")
_TAG = re.compile(r"""<(/?)([A-Za-z][^\s/>]*)((?:[^>=]++|=\s*+(?:"[^"]*"|'[^']*')?)*+)>""")
_COMMENT_END = re.compile(r"--!?>")
_SOUND = re.compile(
    r"""(?:\s+[\w:.-]+(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*+\s*+/?""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]++)))?""")

_FORMATTING = frozenset((
    "b", "big", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))
_VOID = frozenset((
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img",
    "input", "keygen", "link", "meta", "param", "source", "track", "wbr"))
# Their ends are mostly left out; none is nested but in a table, or in what is counted.
_ENDED_BY_OTHERS = frozenset((
    "caption", "colgroup", "p", "tbody", "td", "tfoot", "th", "thead", "tr"))
_ENDS = {"li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd")}
_ONCE = frozenset(("html", "head", "body"))
_WITHOUT_WORDS = frozenset(("script", "style"))
_WITHOUT_TAGS = frozenset((
    "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"))
# Within these a parser goes by other rules; the first has no words, as drawings have none.
_RENAMED = {"svg": "object", "math": "span", "plaintext": "pre"}


def shallow(page: str) -> str:
    """The same words and elements, to be parsed in linear time."""
    return page if len(page) <= PLAIN_CHARS else _Page(page).written()


class _Page:
    """One pass over a page. ``_open`` are the names of the elements that it is in, and ``_open_at``
    where in it each name is."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._open: list[str] = []
        self._open_at: defaultdict[str, list[int]] = defaultdict(list)
        self._begun: set[str] = set()
        self._parts: list[str] = []

    def written(self) -> str:
        """All of it."""
        at = 0
        while (tag_at := self._page.find("<", at)) >= 0:
            self._parts.append(self._page[at:tag_at])
            at = self._take(tag_at)
        self._parts.append(self._page[at:])
        return "".join(self._parts)

    def _take(self, at: int) -> int:
        """What begins with the ``<`` here; where it ends."""
        if _IS_TAG.match(self._page, at):
            return self._tag(at)
        if self._page.startswith("<!--", at):
            end = _COMMENT_END.search(self._page, at + 2)
            return end.end() if end else len(self._page)
        if self._page.startswith(("<!", "<?", "</"), at):  # a bogus comment
            return self._page.find(">", at) + 1 or len(self._page)
        self._parts.append("&lt;")
        return at + 1

    def _tag(self, at: int) -> int:
        found = _TAG.match(self._page, at)
        if found is None:  # eof-in-tag
            return len(self._page)
        name = found[2].lower()
        if found[1]:
            self._end(_RENAMED.get(name, name))
            return found.end()
        if name not in _WITHOUT_WORDS:
            self._start(_RENAMED.get(name, name), found[3])
        return self._to_end_of(name, found.end()) if name in _WITHOUT_TAGS else found.end()

    def _to_end_of(self, name: str, begin: int) -> int:
        """What is in an element without tags, as words, where it has any."""
        end = re.compile(rf"</{name}(?=[\s/>])", re.I).search(self._page, begin)
        end_at = end.start() if end else len(self._page)
        if name not in _WITHOUT_WORDS:
            self._parts.append(self._page[begin:end_at].replace("<", "&lt;"))
        return end_at

    def _start(self, name: str, attributes: str) -> None:
        if name in _FORMATTING or (name in _ONCE and name in self._begun):
            return
        self._begun.add(name)
        if self._open and self._open[-1] in _ENDS.get(name, ()):
            self._close_from(len(self._open) - 1)
        is_counted = not (name in _VOID or name in _ENDED_BY_OTHERS or name in _ONCE)
        if len(self._open) < NESTED_MAX or not is_counted:
            self._parts.append(f"<{name}{_bounded(attributes)}>")
        if is_counted:
            self._open_at[name].append(len(self._open))
            self._open.append(name)

    def _end(self, name: str) -> None:
        if name in _ENDED_BY_OTHERS:
            self._parts.append(f"</{name}>")
            return
        places, tables = self._open_at[name], self._open_at["table"]
        if places and (name == "table" or not tables or tables[-1] < places[-1]):  # in its scope
            self._close_from(places[-1])

    def _close_from(self, place: int) -> None:
        """This element, and first those in it."""
        while len(self._open) > place:
            name = self._open.pop()
            self._open_at[name].pop()
            if len(self._open) < NESTED_MAX:
                self._parts.append(f"</{name}>")


def _bounded(attributes: str) -> str:
    if len(attributes) <= _TAG_CHARS_MAX and _SOUND.fullmatch(attributes):
        return attributes
    kept = islice(_ATTRIBUTE.finditer(attributes), ATTRIBUTES_MAX)
    return "".join(
        f' {found[1]}="{value}"' for found in kept
        for value in [(found[2] or found[3] or found[4] or "").replace('"', "&quot;")])
