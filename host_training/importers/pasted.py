"""Removes the mail or text that was pasted into a prompt, whoever wrote it.

Pasted is what stands in fences or three quotation marks; a mail, known by its head, or by a
salutation and a closing with a name below; and what follows "Translate this:" and the like, if it
is a mail or long. The instruction stays, also one below a mail that nothing stands above.
"""

from __future__ import annotations

import re

from host_training.importers.mail_quotes import unquoted

LONG_CHARS_MIN = 200  # of what is taken for pasted by its length alone
BELOW_CHARS_MAX = 300  # of an instruction below a mail

_FENCED = re.compile(r'```.*?(?:```|\Z)|""".*?(?:"""|\Z)|<(text|email|mail|letter|document)>.*?'
                     r"(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_SALUTE = (r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|to whom it may concern|"
           r"sehr geehrte[rs]?|liebe[rs]?|hallo|guten (?:tag|morgen|abend)|moin|cher|chère|bonjour|"
           r"madame|monsieur|estimad[oa]s?|querid[oa]s?|hola|buenos días|gentile|caro|cara|"
           r"buongiorno|beste|geachte|prezad[oa]s?|olá|kjære|hei|kära|hej|szanown[yia]\w{0,2})")
_ASSISTANT = (r"(?:\w*gpt\w*|claude|gemini|copilot|bard|grok|mistral|llama|deepseek|ai|bot|"
              r"assistant|chat|there|everyone|all|again|zusammen)")
_SALUTATION = re.compile(
    rf"^[ \t\"“„«]*{_SALUTE}(?:(?!\s+{_ASSISTANT}\b)(?: [^\s,:!?]{{1,30}}){{1,6}})?[ \t]*[,!:]?"
    r"[ \t]*$", re.IGNORECASE | re.MULTILINE)
_INLINE_SALUTATION = re.compile(
    rf"[:：][ \t]*[\"“„«]?(?P<mail>{_SALUTE}(?: [^\s,:!?]{{1,30}}){{1,4}}[,!] )", re.IGNORECASE)
_HEAD = re.compile(
    r"^[ \t*]*(?:subject|from|to|betreff|von|an|objet|de|à|asunto|para|oggetto|da|onderwerp|van|"
    r"aan|assunto|re|fwd?|aw|wg)\*{0,2} ?: ?\S", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(
    r"^[ \t*]*(?:subject|betreff|objet|asunto|oggetto|onderwerp|assunto)\*{0,2} ?:", re.IGNORECASE)
_CLOSING = re.compile(
    r"^[ \t]*(?:(?:with )?(?:best|kind|warm|many)(?: wishes| regards| thanks)?|kindest regards|"
    r"regards|(?:yours )?(?:sincerely|faithfully|truly)|yours|cheers|thanks(?: again)?|thank you|"
    r"(?:with )?love|all the best|(?:mit )?(?:freundlichen?|besten?|lieben?|herzlichen?|vielen?|"
    r"schönen?) gr(?:u|ü)(?:ß|ss)e?n?|mfg|lg|vg|cordialement|bien (?:à vous|cordialement)|"
    r"amicalement|(?:un )?saludos?(?: cordial(?:es)?)?|atentamente|cordiali saluti|"
    r"(?:met )?vriendelijke groet(?:en)?|atenciosamente|abraços?|med vänlig hälsning|"
    r"(?:med )?vennlig hilsen|z poważaniem)[ \t]*[,.!]?[ \t]*\n(?P<name>(?:[ \t]*\n)?[ \t]*\S.*"
    r"(?:\n[ \t]*\S.*)*)", re.IGNORECASE | re.MULTILINE)
_NAME_CHARS_MAX = 60
_ASKED = re.compile(
    r"\b(?:re-?writ\w*|re-?phras\w*|reword\w*|paraphras\w*|translat\w*|summari[sz]\w*|summary|"
    r"correct\w*|proof-?read\w*|improv\w*|polish|edit|shorten|fix|check|review|repl(?:y|ies)|"
    r"answer|respon[ds]\w*|explain|analy[sz]e|simplif\w*|following|below|(?:make|turn) (?:this|it)|"
    r"this (?:e-?mail|mail|letter|text|message)|"
    r"umschreib\w*|übersetz\w*|zusammenfass\w*|fasse|korrigier\w*|verbesser\w*|formulier\w*|"
    r"antworte?|erkläre?|folgende\w*|kürze|réécri\w*|tradui\w*|résum\w*|corrig\w*|améliore\w*|"
    r"répon\w*|suivant\w*|reescrib\w*|traduc\w*|resum\w*|mejora\w*|respond\w*|siguiente|"
    r"riscriv\w*|riassum\w*|migliora\w*|seguente|vertaal\w*|herschrijf\w*|samenvat\w*|volgende)\b",
    re.IGNORECASE)
_COLON = re.compile(r"[:：](?=\s)")
_INSTRUCTION_CHARS_MAX = 240


def without_pasted(prompt: str) -> str:
    """What the asker typed; empty where all of it is pasted."""
    text = unquoted(_FENCED.sub("\n\n", prompt))
    start = min(_mail_start(text), _long_start(text))
    above = text[:start].strip()
    if start == len(text) or above:
        return above
    closing = _closing(text)
    below = text[closing.end() :].strip() if closing else ""
    return below if len(below) <= BELOW_CHARS_MAX and "\n\n" not in below else ""


def _mail_start(text: str) -> int:
    """Where a mail begins; the length of the text where there is none."""
    closing = _closing(text)
    starts = [len(text)]
    for salutation in _SALUTATION.finditer(text):
        is_closed = closing is not None and salutation.end() <= closing.start()
        above = text[: salutation.start()].rstrip()
        if is_closed or (above.endswith((":", "：")) and _asks(above.rpartition("\n")[2])):
            starts.append(salutation.start())
            break
    if (inline := _INLINE_SALUTATION.search(text)) and _asks(text[: inline.start()]):
        starts.append(inline.start("mail"))
    heads = list(_HEAD.finditer(text))
    for at, head in enumerate(heads):
        near = heads[at + 1 : at + 2]
        is_headed = bool(near) and text.count("\n", head.start(), near[0].start()) <= 2
        is_subject = _SUBJECT.match(head[0]) is not None
        if is_headed or (is_subject and (closing is not None or _SALUTATION.search(text))):
            starts.append(head.start())
            break
    return min(starts)


def _long_start(text: str) -> int:
    """Where a long text begins below or behind what is asked of it and a colon."""
    for colon in _COLON.finditer(text):
        line = text[text.rfind("\n", 0, colon.start()) + 1 : colon.start()]
        if len(text) - colon.end() >= LONG_CHARS_MIN and _asks(line):
            return colon.end()
    return len(text)


def _asks(line: str) -> bool:
    return len(line) <= _INSTRUCTION_CHARS_MAX and _ASKED.search(line) is not None


def _closing(text: str) -> re.Match[str] | None:
    """The first closing with a name below it."""
    return next((found for found in _CLOSING.finditer(text) if len(
        found["name"].strip().partition("\n")[0]) <= _NAME_CHARS_MAX), None)
