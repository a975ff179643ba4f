"""The words WhatsApp itself writes into an export, in the languages it writes them in."""

from __future__ import annotations

import re

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


def is_deleted(text: str) -> bool:
    """True for the words that stand in place of a message somebody took back."""
    return text.strip().rstrip(".。").lower() in _DELETED


def unedited(text: str) -> str:
    """A text without the remark that it was edited."""
    words = text.rstrip()
    start = words.rfind("<")
    is_remark = start > 0 and _EDITED.fullmatch(words, start)
    return (is_remark and words[:start].rstrip()) or text
