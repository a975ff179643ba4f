"""Layouts of chats whose speakers stand behind marks that lists have as well.

As the clipboard, a spreadsheet or a person writes them; of two people, who say the same in each.
"""

from __future__ import annotations

from collections.abc import Callable

_SAID = (("Bo", "I hate my boss"), ("Ada", "why?"), ("Bo", "he is a fool"),
         ("Ada", "so are we all"))


def _lines(write: Callable[[int, str, str], str]) -> str:
    return "".join(write(n, who, words) for n, (who, words) in enumerate(_SAID))


BY_HEADS = {
    "a dash": _lines(lambda n, who, words: f"{who} - {words}\n"),
    "a long dash": _lines(lambda n, who, words: f"{who} – {words}\n"),
    "mentions": _lines(lambda n, who, words: f"@{who.lower()}: {words}\n"),
    "an angle": _lines(lambda n, who, words: f"{who.lower()}> {words}\n"),
    "a table": "| when | who | what |\n|---|---|---|\n" + _lines(
        lambda n, who, words: f"| 18:0{n} | {who} | {words} |\n"),
    "a table of Excel": "date,time,who,what\n" + _lines(
        lambda n, who, words: f"2021-03-06,18:0{n},{who},{words}\n"),
    "semicolons": _lines(lambda n, who, words: f"2021-03-06 18:0{n};{who};{words}\n"),
    "bars behind a time": _lines(lambda n, who, words: f"18:0{n} | {who} | {words}\n"),
    "bars": _lines(lambda n, who, words: f"{who} | {words}\n"),
    "tabs": _lines(lambda n, who, words: f"{who}\t{words}\n"),
    "symbols beside names": _lines(
        lambda n, who, words: f"{'🐻🌸'[n % 2]} {who} {'🐻🌸'[n % 2]}: {words}\n"),
    "a colon of full width": "小波：我讨厌老板\n艾达：为什么?\n小波：他是个傻瓜\n艾达：我们都是\n",
    "numbers of lines": _lines(lambda n, who, words: f"{n + 1}. {who}: {words}\n"),
    "bold names above": _lines(lambda n, who, words: f"**{who}**\n{words}\n\n"),
    "bold names and times above": _lines(lambda n, who, words: f"**{who}** _18:0{n}_\n{words}\n\n"),
    "names above": _lines(lambda n, who, words: f"{who}\n{words}\n\n"),
    "whole names apart": _lines(lambda n, who, words: f"{who} de Berg\n\n{words}\n\n"),
    "headings": _lines(lambda n, who, words: f"## {who}\n\n{words}\n\n"),
    "names above lists": _lines(lambda n, who, words: f"- {who}\n  - {words}\n"),
    "names and days above": _lines(lambda n, who, words: f"{who}, {n + 1} Mar 2021:\n{words}\n\n"),
    "round brackets": _lines(lambda n, who, words: f"({who}) {words}\n"),
    "square brackets": _lines(lambda n, who, words: f"[{who}] {words}\n"),
    "angle quotes": _lines(lambda n, who, words: f"«{who}» {words}\n"),
    "arrows and times": _lines(lambda n, who, words: f"{['<-', '->'][n % 2]} 18:0{n} {words}\n"),
    "telephone numbers": _lines(lambda n, who, words: f"+1555010{n % 2}: {words}\n"),
    "tags": _lines(lambda n, who, words: f"<b>{who}:</b> {words}<br>\n"),
    "question and answer": (
        "Q. Did you hate your boss?\nA. I did.\nQ. Why?\nA. He is a fool.\nQ. Since when?\n"
        "A. Always.\n"),
}
