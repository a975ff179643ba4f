"""Texts that WhatsApp itself writes into an export, in all its languages."""

from __future__ import annotations

import re
from collections.abc import Collection

MORNING = frozenset({
    "am", "上午", "午前", "오전", "ص", "πμ", "π.μ.", "de.", "de", "pd", "p.d.", "sa", "凌晨",
    "早上", "清晨", "पूर्वाह्न", "fm", "f.m.", "vorm.", "ÖÖ", "öö"})
AFTERNOON = frozenset({
    "pm", "下午", "午後", "오후", "م", "μμ", "μ.μ.", "du.", "du", "md", "m.d.", "ch", "中午",
    "晚上", "अपराह्न", "em", "e.m.", "nachm.", "ÖS", "ös"})

_DELETED = frozenset({
    "this message was deleted", "you deleted this message", "diese nachricht wurde gelöscht",
    "du hast diese nachricht gelöscht", "se eliminó este mensaje", "eliminaste este mensaje",
    "este mensaje fue eliminado", "este mensaje se eliminó", "ce message a été supprimé",
    "vous avez supprimé ce message", "questo messaggio è stato eliminato",
    "hai eliminato questo messaggio", "mensagem apagada", "esta mensagem foi apagada",
    "você apagou esta mensagem", "esta mensagem foi eliminada", "eliminou esta mensagem",
    "dit bericht is verwijderd", "u hebt dit bericht verwijderd", "je hebt dit bericht verwijderd",
    "данное сообщение удалено", "вы удалили данное сообщение", "это сообщение удалено",
    "此消息已删除", "你已删除此消息", "此訊息已刪除", "已刪除此訊息", "你已刪除此訊息",
    "このメッセージは削除されました", "このメッセージを削除しました", "삭제된 메시지입니다",
    "이 메시지를 삭제했습니다", "تم حذف هذه الرسالة", "حذفت هذه الرسالة", "این پیام حذف شد",
    "यह मैसेज हटा दिया गया है", "यह संदेश मिटाया गया", "bu mesaj silindi", "bu mesajı sildiniz",
    "ta wiadomość została usunięta", "usunięto tę wiadomość", "usunąłeś tę wiadomość",
    "det här meddelandet har raderats", "du raderade det här meddelandet",
    "denne meldingen ble slettet", "du slettet denne meldingen", "denne besked blev slettet",
    "du slettede denne besked", "tämä viesti poistettiin", "poistit tämän viestin",
    "tato zpráva byla odstraněna", "tuto zprávu jste odstranili", "ezt az üzenetet törölték",
    "törölted ezt az üzenetet", "acest mesaj a fost șters", "ai șters acest mesaj",
    "pesan ini telah dihapus", "anda telah menghapus pesan ini", "tin nhắn này đã bị xóa",
    "bạn đã xóa tin nhắn này", "ข้อความนี้ถูกลบแล้ว", "คุณลบข้อความนี้แล้ว", "ההודעה נמחקה",
    "הודעה זו נמחקה", "מחקת הודעה זו", "αυτό το μήνυμα διαγράφηκε", "διαγράψατε αυτό το μήνυμα",
    "це повідомлення видалено", "ви видалили це повідомлення"})
# "<This message was edited>" in any language: several words in angle brackets at the very end
_EDITED = re.compile(r"<(?:[^<>\s]+\s+){2,6}[^<>\s]+>|<(?:此消息已编辑|此訊息已編輯|"
                     r"このメッセージは編集されました)>")

_ATTACHED = frozenset({
    "file attached", "datei angehängt", "archivo adjunto", "fichier joint", "file allegato",
    "arquivo anexado", "ficheiro anexado", "bestand bijgevoegd", "файл добавлен"})
NOTICE_CHARS_MIN = 15
OWN_REMARKS_MAX = 3  # "3 pages", "document omitted" and "edited", behind each other
OWN_MARK = "\u200e"  # the app puts it before words of its own, in every language
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OMITTED = re.compile(r"<[^<>\n]{3,60}>")
_FILE = re.compile(r"(?P<name>\S.{0,80}\.\w{2,4}) \((?P<remark>[^()\n]{3,40})\)")
# iPhones until 2018: the name, then "attached" in angle brackets
_OLD_FILE = re.compile(r"\S.{0,80}\.\w{2,4} <(?P<remark>[^<>\n]{3,40})>")
_OLD_ATTACHED = frozenset({"attached", "angehängt", "adjunto", "joint", "pièce jointe", "allegato",
                           "anexado", "bijgevoegd", "приложено", "已附加", "添付"})
_OWN_FILE_NAME = re.compile(r"(?:AUD|DOC|GIF|IMG|PTT|STK|VID)-\d{8}-WA\d{4}\.\w{2,4}")
# "image omitted", "3 pages", in any language: a few words and no more
_OWN_REMARK = re.compile(r"<[^<>\n]{3,80}>|(?:\w+ ){1,3}[^\W\d_]+|"
                         r"[\u3040-\u9fff\uac00-\ud7af]{4,14}")
_SOUND = re.compile(r"(?:PTT|AUD|\d{8}-AUDIO)-[\w-]{8,40}\.(?:opus|m4a|ogg|aac|mp3)\b")
_PLACE = re.compile(r"[^\W\d_]{3,20}: https?://maps\.google\.com/\?q=\S+|live location shared|"
                    r"live-standort (?:wird )?geteilt|ubicación en tiempo real compartida|"
                    r"localisation en direct partagée|live locatie gedeeld", re.IGNORECASE)
_FILE_ALONE = re.compile(r".{1,120}\.\w{2,4}(?: •)?")


def sound_name(text: str) -> str | None:
    """The file of a voice note: "PTT-20210306-WA0001.opus (file attached)" of Android, of iOS
    "<attached: 00000012-AUDIO-2021-03-06-18-00-11.opus>"."""
    found = _SOUND.search(text.partition("\n")[0])
    return found[0] if found else None


def is_deleted(text: str) -> bool:
    """True for the words that stand in place of a message somebody took back."""
    return text.strip().rstrip(".。").lower() in _DELETED


def is_notice(text: str) -> bool:
    """True for a sentence of the app, as it stands behind a group's name at the beginning."""
    words = text.removeprefix(OWN_MARK)
    return (words != text and OWN_MARK not in words and words[:1] not in "<"
            and words.rstrip()[-1:] in (".", "。") and len(words) >= NOTICE_CHARS_MIN)


def unedited(text: str) -> str:
    """A text without the remark that it was edited."""
    words = text.rstrip()
    start = words.rfind("<")
    is_remark = start > 0 and _EDITED.fullmatch(words, start)
    return (is_remark and words[:start].rstrip()) or text


def attached_words(line: str) -> list[str]:
    """What stands behind the name the app gave a picture or a sound: "file attached"."""
    found = _FILE.fullmatch(_MARKS.sub("", line).strip())
    return [found["remark"]] if found and _OWN_FILE_NAME.fullmatch(found["name"]) else []


def without_media(text: str, attached: Collection[str]) -> str | None:
    """What somebody wrote with a picture or a file; None where nobody wrote anything.

    Android writes the file or ``<Media omitted>`` first and the caption below; iOS writes a remark
    behind the caption, after OWN_MARK.

    Args:    attached: what ``attached_words`` found in the whole chat.
    """
    first, _, below = text.partition("\n")
    is_own = first.startswith(OWN_MARK)
    line = _MARKS.sub("", first).strip()
    file = _FILE.fullmatch(line)
    if _OMITTED.fullmatch(line) or _PLACE.fullmatch(line) or (file and (
            is_own or _OWN_FILE_NAME.fullmatch(file["name"]) or file["remark"] in attached
            or file["remark"].lower() in _ATTACHED)):
        return below if below.strip() else None
    old = _OLD_FILE.fullmatch(line)
    if old and (old["remark"].lower() in _OLD_ATTACHED or f"<{OWN_MARK}" in first):
        return below if below.strip() else None
    if is_own:
        return None
    words = text
    for _ in range(OWN_REMARKS_MAX):
        caption, mark, remark = words.rpartition(OWN_MARK)
        if not mark or not _OWN_REMARK.fullmatch(remark.strip()):
            break
        words = caption.rstrip()
    return None if words != text and _FILE_ALONE.fullmatch(words) else words
