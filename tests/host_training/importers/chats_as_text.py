"""The layouts in which programs and people keep a chat as text, each a few invented lines.

Sources, as far as they are written down: sigtop's fmt_text.go and fmt_text_short.go, Element's
PlainTextExport.ts, KakaoTalk's "Export chat", LINE's "Export chat history", QQ's message manager,
Pidgin's log format, imessage-exporter's txt/mod.rs, Otter's text export; the rest as the clipboard
gives it.
"""

from __future__ import annotations

KAKAOTALK = {
    "kakaotalk windows": (
        "Bo 님과 카카오톡 대화\n저장한 날짜 : 2021-03-08 09:00:00\n\n"
        "--------------- 2021년 3월 6일 토요일 ---------------\n[Bo] [오후 6:00] I hate my boss\n"
        "[Ada] [오후 6:01] why?\nand since when?\n[Bo] [오후 6:02] he is a fool\n"
        "--------------- 2021년 3월 7일 일요일 ---------------\n[Ada] [오전 12:05] 사진\n"
        "[Ada] [오전 9:30] so are we all\n"),
    "kakaotalk windows english": (
        "KakaoTalk Chats with Bo\nDate Saved : 2021-03-08 09:00:00\n\n"
        "--------------- Saturday, March 6, 2021 ---------------\n[Bo] [6:00 PM] I hate my boss\n"
        "[Ada] [6:01 PM] why?\nand since when?\n[Bo] [6:02 PM] he is a fool\n"
        "--------------- Sunday, March 7, 2021 ---------------\n[Ada] [12:05 AM] Photo\n"
        "[Ada] [9:30 AM] so are we all\n"),
    "kakaotalk android": (
        "Bo 님과 카카오톡 대화\n저장한 날짜 : 2021년 3월 8일 오전 9:00\n\n\n"
        "2021년 3월 6일 오후 6:00\n2021년 3월 6일 오후 6:00, Bo : I hate my boss\n"
        "2021년 3월 6일 오후 6:01, Ada : why?\nand since when?\n"
        "2021년 3월 6일 오후 6:02, Bo : he is a fool\n\n2021년 3월 7일 오전 12:05\n"
        "2021년 3월 7일 오전 12:05, Ada : 사진\n2021년 3월 7일 오전 9:30, Ada : so are we all\n"),
    "kakaotalk iphone": (
        "Bo 님과 카카오톡 대화\n저장한 날짜 : 2021. 3. 8. 오전 9:00\n\n2021년 3월 6일 토요일\n"
        "2021. 3. 6. 오후 6:00, Bo : I hate my boss\n2021. 3. 6. 오후 6:01, Ada : why?\n"
        "and since when?\n2021. 3. 6. 오후 6:02, Bo : he is a fool\n2021년 3월 7일 일요일\n"
        "2021. 3. 7. 오전 12:05, Ada : 사진\n2021. 3. 7. 오전 9:30, Ada : so are we all\n"),
    "kakaotalk android english": (
        "KakaoTalk Chats with Bo\nDate Saved : March 8, 2021 at 9:00 AM\n\n\n"
        "March 6, 2021 at 6:00 PM\nMarch 6, 2021 at 6:00 PM, Bo : I hate my boss\n"
        "March 6, 2021 at 6:01 PM, Ada : why?\nand since when?\n"
        "March 6, 2021 at 6:02 PM, Bo : he is a fool\n\nMarch 7, 2021 at 12:05 AM\n"
        "March 7, 2021 at 12:05 AM, Ada : Photo\nMarch 7, 2021 at 9:30 AM, Ada : so are we all\n"),
}
LINE = {
    "line japanese": (
        "[LINE] Boとのトーク履歴\n保存日時：2021/03/08 09:00\n\n2021/03/06(土)\n"
        "18:00\tBo\tI hate my boss\n18:01\tAda\t\"why?\nand since when?\"\n"
        "18:02\tBo\the is a fool\n\n2021/03/07(日)\n0:05\tAda\t[写真]\n9:30\tAda\tso are we all\n"),
    "line chinese": (
        "[LINE] 與Bo的聊天記錄\n儲存日期：2021/03/08 09:00\n\n2021/03/06（六）\n"
        "下午06:00\tBo\tI hate my boss\n下午06:01\tAda\t\"why?\nand since when?\"\n"
        "下午06:02\tBo\the is a fool\n\n2021/03/07（日）\n上午12:05\tAda\t[照片]\n"
        "上午09:30\tAda\tso are we all\n"),
    "line english": (
        "[LINE] Chat history with Bo\nSaved on: 3/8/2021, 09:00\n\nSat, 3/6/2021\n"
        "18:00\tBo\tI hate my boss\n18:01\tAda\t\"why?\nand since when?\"\n"
        "18:02\tBo\the is a fool\n\nSun, 3/7/2021\n00:05\tAda\t[Photo]\n"
        "09:30\tAda\tso are we all\n"),
}
LINE_ON_A_DESK = (  # names and words are apart by one space: nobody can tell which is which
    "2021.03.06 星期六\n18:00 Bo I hate my boss\n18:01 Ada why?\n18:02 Bo he is a fool\n"
    "2021.03.07 星期日\n00:05 Ada 圖片\n09:30 Ada so are we all\n")
WHATSAPP = {
    "whatsapp iphone 2016": (
        "06/03/21, 18:00:11: Bo: I hate my boss\n06/03/21, 18:01:11: Ada: why?\n"
        "and since when?\n06/03/21, 18:02:11: Bo: he is a fool\n"
        "07/03/21, 00:05:11: Ada: <image omitted>\n07/03/21, 09:30:11: Ada: so are we all\n"),
    "whatsapp iphone 2016 american": (
        "3/6/21, 6:00:11 PM: Bo: I hate my boss\n3/6/21, 6:01:11 PM: Ada: why?\n"
        "and since when?\n3/6/21, 6:02:11 PM: Bo: he is a fool\n"
        "3/7/21, 12:05:11 AM: Ada: <image omitted>\n3/7/21, 9:30:11 AM: Ada: so are we all\n"),
    "whatsapp iphone 2014": (
        "2021-03-06 18:00:11: Bo: I hate my boss\n2021-03-06 18:01:11: Ada: why?\n"
        "and since when?\n2021-03-06 18:02:11: Bo: he is a fool\n"
        "2021-03-07 00:05:11: Ada: <image omitted>\n2021-03-07 09:30:11: Ada: so are we all\n"),
}
ELEMENT = {
    "element american": (
        "3/6/2021, 5:59:00 PM - Bo joined the room\n3/6/2021, 6:00:11 PM - Bo: I hate my boss\n"
        "3/6/2021, 6:01:11 PM - Ada: why?\nand since when?\n"
        "3/6/2021, 6:02:11 PM - Bo: he is a fool\n"
        "3/7/2021, 12:05:11 AM - Ada: heron.jpg (File Attached)\n"
        "3/7/2021, 9:30:11 AM - Ada: so are we all\n"),
    "element german": (
        "6.3.2021, 17:59:00 - Bo ist dem Raum beigetreten\n"
        "6.3.2021, 18:00:11 - Bo: I hate my boss\n6.3.2021, 18:01:11 - Ada: why?\n"
        "and since when?\n6.3.2021, 18:02:11 - Bo: he is a fool\n"
        "7.3.2021, 00:05:11 - Ada: heron.jpg (File Attached)\n"
        "7.3.2021, 09:30:11 - Ada: so are we all\n"),
}
QQ = {
    "qq": (
        "消息记录（此消息记录为文本格式，不支持重新导入）\n\n"
        "================================================================\n消息分组:我的好友\n"
        "================================================================\n消息对象:Bo\n"
        "================================================================\n\n"
        "2021-03-06 18:00:11 Bo\nI hate my boss\n\n2021-03-06 18:01:11 Ada\nwhy?\n"
        "and since when?\n\n2021-03-06 18:02:11 Bo\nhe is a fool\n\n2021-03-07 0:05:11 Ada\n"
        "[图片]\n\n2021-03-07 9:30:11 Ada\nso are we all\n"),
    "qq group": (
        "消息记录（此消息记录为文本格式，不支持重新导入）\n\n"
        "================================================================\n消息分组:我的群聊\n"
        "================================================================\n消息对象:walkers\n"
        "================================================================\n\n"
        "2021-03-06 18:00:11 【管理员】Bo(10001)\nI hate my boss\n\n"
        "2021-03-06 18:01:11 Ada<ada@example.org>\nwhy?\nand since when?\n\n"
        "2021-03-06 18:02:11 【管理员】Bo(10001)\nhe is a fool\n\n"
        "2021-03-07 0:05:11 Ada<ada@example.org>\n[图片]\n\n"
        "2021-03-07 9:30:11 Ada<ada@example.org>\nso are we all\n"),
}
SIGTOP = {
    "sigtop": (
        "Conversation: Bo (+15550100)\n\nFrom: Bo (+15550100)\nType: incoming\n"
        "Sent: Sat, 6 Mar 2021 18:00:11 +0000\nReceived: Sat, 6 Mar 2021 18:00:12 +0000\n\n"
        "I hate my boss\n\nFrom: You\nType: outgoing\nSent: Sat, 6 Mar 2021 18:01:11 +0000\n\n"
        "> From: Bo (+15550100)\n> Sent: Sat, 6 Mar 2021 18:00:11 +0000\n>\n> I hate my boss\n\n"
        "why?\nand since when?\n\nFrom: Bo (+15550100)\nType: incoming\n"
        "Sent: Sat, 6 Mar 2021 18:02:11 +0000\nReceived: Sat, 6 Mar 2021 18:02:12 +0000\n"
        "Reaction: x from You\n\nhe is a fool\n\nFrom: You\nType: outgoing\n"
        "Sent: Sun, 7 Mar 2021 00:05:11 +0000\nAttachment: heron.jpg (image/jpeg, 9 bytes)\n\n"
        "From: You\nType: outgoing\nSent: Sun, 7 Mar 2021 09:30:11 +0000\n\nso are we all\n\n"),
    "sigtop short": (
        "2021-03-06 18:00 Bo: I hate my boss\n2021-03-06 18:01 You: [reply to Bo on 2021-03-06"
        " 18:00] why?\nand since when?\n2021-03-06 18:02 Bo: he is a fool\n"
        "2021-03-07 00:05 You: [1 attachment]\n2021-03-07 09:30 You: so are we all\n"),
}
VIBER = {
    "viber copy": (
        "[ 6 March 2021 18:00 ] \u2068Bo\u2069: I hate my boss\n"
        "[ 6 March 2021 18:01 ] \u2068Ada\u2069: why?\nand since when?\n"
        "[ 6 March 2021 18:02 ] \u2068Bo\u2069: he is a fool\n"
        "[ 7 March 2021 09:30 ] \u2068Ada\u2069: so are we all\n"),
    "viber copy american": (
        "[March 6, 2021 6:00 PM] Bo: I hate my boss\n[March 6, 2021 6:01 PM] Ada: why?\n"
        "and since when?\n[March 6, 2021 6:02 PM] Bo: he is a fool\n"
        "[March 7, 2021 9:30 AM] Ada: so are we all\n"),
}
PIDGIN = {
    "pidgin": (
        "Conversation with bo@example.org at Sat 06 Mar 2021 06:00:00 PM CET on"
        " ada@example.org/home (jabber)\n(06:00:11 PM) Bo: I hate my boss\n"
        "(06:01:11 PM) ada@example.org/home: why?\nand since when?\n"
        "(06:02:11 PM) Bo: he is a fool\n(06:03:00 PM) Bo has signed off.\n"
        "(09:30:11 PM) ada@example.org/home: so are we all\n"),
    "pidgin 24 hours": (
        "Conversation with bo at 2021-03-06 18:00:00 on ada (irc)\n"
        "(18:00:11) bo: I hate my boss\n(18:01:11) ada: why?\nand since when?\n"
        "(18:02:11) bo: he is a fool\n(21:30:11) ada: so are we all\n"),
}
IMESSAGE = {
    "imessage-exporter": (
        "Mar 06, 2021  5:59:00 PM You named the conversation Boss\n\n"
        "Mar 06, 2021  6:00:11 PM (Read by you after 1 minute)\nBo Berg\nI hate my boss\n"
        "Tapbacks:\n    Loved by Me\n    Mar 06, 2021  6:01:11 PM\n    Me\n    why?\n\n"
        "Mar 06, 2021  6:01:11 PM\nMe\nwhy?\nand since when?\n"
        "This message responded to an earlier message.\n\n"
        "Mar 06, 2021  6:02:11 PM\nBo Berg\nMar 06, 2021  6:02:11 PM he is a fol\n"
        "Edited 3 seconds later: he is a fool\n\n"
        "Mar 07, 2021 12:05:11 AM\nMe\nattachments/AB/CD/heron.jpeg\n\n"
        "Mar 07, 2021  9:30:11 AM\nMe\nso are we all\nSent with Confetti\n\n"),
}

# What nobody can read without being told who is who, or when: set aside, by name where it has one.
SET_ASIDE = {
    "line on a desk": LINE_ON_A_DESK,
    "viber database": (
        "18:00:11, From: Bo      , I hate my boss\n18:01:11, From: (me)    , why?\n"
        "18:02:11, From: Bo      , he is a fool\n18:03:11, From: (me)    , so are we all\n"),
    "wechat copy": (
        "Bo:\nI hate my boss\n\nAda:\nwhy?\nand since when?\n\nBo:\nhe is a fool\n\nAda:\n"
        "so are we all\n"),
    "wechat phone mail": (
        "Dear:\n\nThe chat between Bo and Ada is as follows:\n\n—————  2021-03-06  —————\n\n\n"
        "Bo  18:00\n\nI hate my boss\n\nAda  18:01\n\nwhy?\n\nBo  18:02\n\nhe is a fool\n\n"
        "Ada  18:03\n\nso are we all\n"),
    "wechat exporter": (
        "Bo (2021-03-06 18:00:11): I hate my boss\n\nAda (2021-03-06 18:01:11): why?\n\n"
        "Bo (2021-03-06 18:02:11): he is a fool\n\nAda (2021-03-06 18:03:11): so are we all\n"),
    "teams copy": (
        "[6:00 PM] Bo Berg\nI hate my boss\n[6:01 PM] Test, Ada\nwhy?\nand since when?\n"
        "[6:02 PM] Bo Berg\nhe is a fool\n[6:03 PM] Test, Ada\nso are we all\n"),
    "teams copy with dates": (
        "[Yesterday 6:00 PM] Bo Berg\nI hate my boss\n\n[Yesterday 6:01 PM] Ada Test\nwhy?\n\n"
        "[Yesterday 6:02 PM] Bo Berg\nhe is a fool\n\n[09:30] Ada Test\nso are we all\n"),
    "teams page": (
        "Bo Berg\n6 Mar 18:00\nI hate my boss\nAda Test\n6 Mar 18:01\nwhy?\nBo Berg\n"
        "6 Mar 18:02\nhe is a fool\nAda Test\n6 Mar 18:03\nso are we all\n"),
    "teams transcript": (
        "Bo Berg   0:03\nI hate my boss, as you know, and I have said so before.\n\n"
        "Ada Test   0:11\nWhy? What has he done this time?\n\nBo Berg   0:15\nHe is a fool.\n\n"
        "Ada Test   0:19\nSo are we all.\n"),
    "slack copy": (
        "Bo Berg  6:00 PM\nI hate my boss\n6:00\nreally\nAda Test  6:01 PM\nwhy?\n"
        "and since when?\nBo Berg  6:02 PM\nhe is a fool\nAda Test  6:03 PM\nso are we all\n"),
    "slack copy with lines": (
        "Bo Berg\n  6:00 PM\nI hate my boss\nAda Test\n:house_with_garden:  6:01 PM\nwhy?\n"
        "Bo Berg\n  6:02 PM\nhe is a fool\nAda Test\n:house_with_garden:  6:03 PM\n"
        "so are we all\n"),
    "slack copy with brackets": (
        "Bo Berg [6:00 PM]\nI hate my boss\nAda Test [6:01 PM]\nwhy?\nBo Berg [6:02 PM]\n"
        "he is a fool\nAda Test [6:03 PM]\nso are we all\n"),
    "messenger copy": (
        "Mar 6, 2021, 6:00 PM\nBo\nBo Berg\nI hate my boss\nYou sent\nwhy?\nBo\nBo Berg\n"
        "he is a fool\nYou sent\nso are we all\n"),
    "messenger copy german": (
        "Bo\nBo Berg\nI hate my boss\nDu hast gesendet\nwhy?\nBo\nBo Berg\nhe is a fool\n"
        "Du hast gesendet\nso are we all\n"),
    "messenger page": (
        "Bo Berg\nI hate my boss\nMar 06, 2021 6:00:11 pm\nAda Test\nwhy?\n"
        "Mar 06, 2021 6:01:11 pm\nBo Berg\nhe is a fool\nMar 06, 2021 6:02:11 pm\nAda Test\n"
        "so are we all\nMar 06, 2021 6:03:11 pm\n"),
    "otter": (
        "Bo Berg  0:00  \nSo, I hate my boss, and I will tell you why I think that it has to end"
        " this year and not the next one.\n\nAda Test  0:24  \nWhy? What has he done this time?"
        " I mean, the last time was nothing.\n\nBo Berg  1:05  \nHe is a fool, and everybody in"
        " the house knows it.\n\nSpeaker 3  1:11  \nSo are we all.\n\n"
        "Transcribed by https://otter.ai\n"),
    "rev": (
        "Bo Berg (00:03):\nI hate my boss, and I always have.\n\nAda Test (00:24):\nWhy is that?"
        "\n\nBo Berg (01:05):\nHe is a fool.\n\nAda Test (01:11):\nSo are we all.\n"),
    "zoom chat": (
        "18:00:11\t From  Bo Berg : I hate my boss\n18:01:11\t From  Ada Test : why?\n"
        "18:02:11\t From  Bo Berg : he is a fool\n18:03:11\t From  Ada Test : so are we all\n"),
    "zoom chat with lines": (
        "2021-03-06 18:00:11 From Bo Berg to Everyone:\n\tI hate my boss\n"
        "2021-03-06 18:01:11 From Ada Test to Everyone:\n\twhy?\n"
        "2021-03-06 18:02:11 From Bo Berg to Everyone:\n\the is a fool\n"),
    "chatgpt page": (
        "You said:\nAre balloons cold?\nChatGPT said:\nYes. At thirty kilometres the air is at"
        " minus forty degrees.\n\nThere are three reasons for it:\n\n1. The air is thin.\n"
        "2. The sun is far.\n3. Nothing holds the heat.\n\nDo you want a table?\nYou said:\nno\n"
        "ChatGPT said:\nVery well. Ask me anything else.\n"),
    "chatgpt with headings": (
        "# Balloons\n\n##### You said:\n\nAre balloons cold?\n\n###### ChatGPT said:\n\n"
        "Yes. At thirty kilometres the air is at minus forty degrees.\n\nThere are reasons.\n\n"
        "##### You said:\n\nwhich?\n\n###### ChatGPT said:\n\nThe air is thin.\n"),
    "chatgpt prompts": (
        "## Prompt:\nAre balloons cold?\n\n## Response:\nYes. At thirty kilometres the air is at"
        " minus forty degrees.\n\nThere are reasons.\n\n## Prompt:\nwhich?\n\n## Response:\n"
        "The air is thin.\n"),
    "chatgpt user": (
        "User\nAre balloons cold?\n\nChatGPT\nYes. At thirty kilometres the air is at minus"
        " forty degrees.\n\nThere are reasons.\n\nUser\nwhich?\n\nChatGPT\nThe air is thin.\n"),
    "claude": (
        "**Human:** Are balloons cold?\n\n**Claude:** Yes. At thirty kilometres the air is at"
        " minus forty degrees.\n\nThere are reasons.\n\nThe first is the air.\n\nThe second is"
        " the sun.\n\n**Human:** which?\n\n**Claude:** The air is thin.\n"),
    "skype": (
        "[06.03.2021 18:00:11] Bo Berg: I hate my boss\n[06.03.2021 18:01:11] Ada Test: why?\n"
        "[06.03.2021 18:02:11] Bo Berg: he is a fool\n"),
    "skype day": (
        "[Saturday, March 6, 2021 6:00 PM] Bo Berg: \nI hate my boss\n\n"
        "[Saturday, March 6, 2021 6:01 PM] Ada Test: \nwhy?\n\n"
        "[Saturday, March 6, 2021 6:02 PM] Bo Berg: \nhe is a fool\n"),
    "google chat": (
        "Bo Berg, 6:00 PM\nI hate my boss\n\nAda Test, 6:01 PM\nwhy?\n\nBo Berg, 6:02 PM\n"
        "he is a fool\n\nAda Test, 6:03 PM\nso are we all\n"),
    "google meet": (
        "00:00:00\n \nBo Berg: I hate my boss.\nAda Test: Why?\nBo Berg: He is a fool.\n"
        "00:05:00\n \nAda Test: So are we all.\nBo Berg: That is true.\n"),
    "msn": (
        "Bo says (18:00):\n I hate my boss\nAda says (18:01):\n why?\nBo says (18:02):\n"
        " he is a fool\nAda says (18:03):\n so are we all\n"),
    "yahoo": (
        "bo (3/6/2021 6:00:11 PM): I hate my boss\nada (3/6/2021 6:01:11 PM): why?\n"
        "bo (3/6/2021 6:02:11 PM): he is a fool\nada (3/6/2021 6:03:11 PM): so are we all\n"),
    "miranda": (
        "------------------------------------->-\nAda (18:00:11 06/03/2021) :\nare you there?\n\n"
        "-------------------------------------<-\nBo (18:01:11 06/03/2021) :\nI hate my boss\n\n"
        "------------------------------------->-\nAda (18:02:11 06/03/2021) :\nwhy?\n\n"
        "-------------------------------------<-\nBo (18:03:11 06/03/2021) :\nhe is a fool\n"),
    "irssi": (
        "--- Log opened Sat Mar 06 18:00:00 2021\n18:00 -!- bo [~bo@example.org] has joined #x\n"
        "18:00 < bo> I hate my boss\n18:01 <@ada> why?\n18:02 < bo> he is a fool\n"
        "18:03 <@ada> so are we all\n"),
    "hexchat": (
        "**** BEGIN LOGGING AT Sat Mar  6 18:00:00 2021\n\nMar 06 18:00:11 <bo>\tI hate my boss\n"
        "Mar 06 18:01:11 <ada>\twhy?\nMar 06 18:02:11 <bo>\the is a fool\n"
        "Mar 06 18:03:11 <ada>\tso are we all\n"),
    "irc without times": (
        "<bo> I hate my boss\n<ada> why?\n<bo> he is a fool\n<ada> so are we all\n"),
    "imazing": (
        "----------------------------------------------------\n2021-03-06 18:00:11 from Bo Berg"
        " (+15550100) - iMessage\n\nI hate my boss\n\n"
        "----------------------------------------------------\n2021-03-06 18:01:11 to Bo Berg"
        " (+15550100) - iMessage\n\nwhy?\n\n----------------------------------------------------\n"
        "2021-03-06 18:02:11 from Bo Berg (+15550100) - iMessage\n\nhe is a fool\n\n"
        "----------------------------------------------------\n2021-03-06 18:03:11 to Bo Berg"
        " (+15550100) - iMessage\n\nso are we all\n"),
    "telegram on a mac": (
        "Bo Berg, [6. Mar 2021 at 18:00:11]:\nI hate my boss\n\nAda, [6. Mar 2021 at 18:01:11]:\n"
        "why?\n\nBo Berg, [6. Mar 2021 at 18:02:11]:\nhe is a fool\n"),
    "telegram on a phone": (
        "Bo Berg:\nI hate my boss\n\nAda Test:\nwhy?\nand since when?\n\nBo Berg:\n"
        "he is a fool\n\nAda Test:\nso are we all\n"),
    "discord copy": (
        "Bo — 06/03/2021 18:00\nI hate my boss\nAda — 06/03/2021 18:01\nwhy?\nBo — Today at"
        " 6:02 PM\nhe is a fool\nAda — Today at 6:03 PM\nso are we all\n"),
    "discord copy without dash": (
        "bo\nToday at 6:00 PM\nI hate my boss\nada\nToday at 6:01 PM\nwhy?\nbo\n"
        "Today at 6:02 PM\nhe is a fool\nada\nToday at 6:03 PM\nso are we all\n"),
    "letters by name": (
        "Bo: I hate my boss\nAda: why?\nand since when?\nBo: he is a fool\nAda: so are we all\n"),
    "interview": (
        "Interviewer: When did you begin to fly balloons?\n\nAda: As a child. My uncle had a"
        " shed full of them, and in the winter I was allowed to patch the skins.\n\nIt was cold"
        " there.\n\nInterviewer: And then?\n\nAda: Then I flew.\n\nInterviewer: Alone?\n\n"
        "Ada: With him.\n"),
}
# Written after the rules, which missed these eleven of 43.
SET_ASIDE |= {
    "signal desktop copy": (
        "Bo Berg\nI hate my boss\n5m\nYou\nwhy?\n4m\nBo Berg\nhe is a fool\n3m\nYou\nso\n2m\n"),
    "whisperx": (
        "[SPEAKER_00]: I hate my boss.\n[SPEAKER_01]: Why?\n[SPEAKER_00]: He is a fool.\n"
        "[SPEAKER_01]: So are we all.\n"),
    "google voice": (
        "Me: (3/6/21 6:00 PM) are you there\nBo: (3/6/21 6:01 PM) I hate my boss\n"
        "Me: (3/6/21 6:02 PM) why?\n"),
    "facebook page": (
        "Bo Berg\nSaturday, March 6, 2021 at 6:00pm UTC+01\nI hate my boss\nAda Test\n"
        "Saturday, March 6, 2021 at 6:01pm UTC+01\nwhy?\nBo Berg\n"
        "Saturday, March 6, 2021 at 6:02pm UTC+01\nhe is a fool\n"),
    "wechat on a computer": (
        "Bo 2021/3/6 18:00:11\nI hate my boss\n\nAda 2021/3/6 18:01:11\nwhy?\n\n"
        "Bo 2021/3/6 18:02:11\nhe is a fool\n"),
    "dingtalk": (
        "Bo 2021-03-06 18:00\nI hate my boss\nAda 2021-03-06 18:01\nwhy?\nBo 2021-03-06 18:02\n"
        "he is a fool\n"),
    "lark": (
        "Bo Berg 6:00 PM\nI hate my boss\nAda 6:01 PM\nwhy?\nBo Berg 6:02 PM\nhe is a fool\n"
        "Ada 6:03 PM\nso are we all\n"),
    "telegram quoted": (
        "> Bo Berg:\nI hate my boss\n\n> Ada:\nwhy?\n\n> Bo Berg:\nhe is a fool\n\n> Ada:\nso\n"),
    "band": (
        "2021년 3월 6일 오후 6:00:Bo:I hate my boss\n2021년 3월 6일 오후 6:01:Ada:why?\n"
        "2021년 3월 6일 오후 6:02:Bo:he is a fool\n"),
    "claude page": (
        "You\n\nAre balloons cold?\n\nClaude\n\nYes.\n\nYou\n\nWhy?\n\nClaude\n\nThe air.\n"),
    "a list": "- Bo: I hate my boss\n- Ada: why?\n- Bo: he is a fool\n- Ada: so are we all\n",
}

READABLE = {**KAKAOTALK, **LINE, **WHATSAPP, **ELEMENT, **QQ, **SIGTOP, **VIBER, **PIDGIN,
            **IMESSAGE}
