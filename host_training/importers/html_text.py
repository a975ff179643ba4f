"""The text of an HTML page or mail, paragraph by paragraph, without quotations."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

_NEVER = "script, style, head, title, noscript, template, svg, object, iframe"
QUOTES = ("blockquote, .gmail_quote, .gmail_extra, .yahoo_quoted, .moz-cite-prefix,"
          " .moz-signature, .gmail_signature, #reply-intro, div[name=quote], .front-blockquote,"
          " [id^=mail-editor-reference-message-container]")
# Outlook sets this before the head of the mail that is answered, whose words follow bare
QUOTES_BELOW = "#appendonsend, #divRplyFwdMsg"
_BLOCK = re.compile(r"<(?=/?(?:p|div|br|li|tr|h[1-6]|blockquote|pre|table|ul|ol|hr)\b)", re.I)
_MARK, _END = "\u2028", "\u2029"


def words_of(page: str, without: str = "", until: str = "") -> str:
    """Text with a line per block.

    Args:    without: a CSS selector of what to leave out, e.g. ``QUOTES``.
             until: one of what to end at, e.g. ``QUOTES_BELOW``.
    """
    page = page.replace(_MARK, " ").replace(_END, " ")
    tree = LexborHTMLParser(_BLOCK.sub(_MARK + "<", page))
    for node in tree.css(until) if until else []:
        node.insert_before(_END)
    for selector in filter(None, (_NEVER, without)):
        for node in tree.css(selector):
            node.decompose()
    body = tree.body
    text = (body.text(deep=True) if body is not None else "").partition(_END)[0]
    text = text.replace("\u00a0", " ")
    lines = (" ".join(line.split()) for line in text.split(_MARK))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
