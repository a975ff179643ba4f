"""The report: one self-contained page on likeness, leakage and the cost of quantisation.

The answers stand at the top, in words; below each, the figures they rest on, with what they mean.
No script, nothing loaded: the page can be mailed and opened in twenty years.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from statistics import fmean

from host_training.evaluation import memorisation, svg
from host_training.evaluation.findings import LETTERS, Findings, Spoken, VoiceScores, as_flown
from host_training.evaluation.gates import CANARY_ONCE_BITS_MAX, QUANT_ADDED_MAX, Gate
from host_training.evaluation.intervals import Interval
from host_training.evaluation.mission import MissionScore
from host_training.evaluation.svg import PlotMark

SURE_P = 0.01  # of a habit's difference; thirteen are looked at

STYLE = """
:root{--paper:#fbfaf7;--ink:#1d1f23;--soft:#6a6d75;--line:#d9d6cd;--ours:#b4472b;--theirs:#55708c;
--good:#2d6a4f;--bad:#b00020}
@media(prefers-color-scheme:dark){:root{--paper:#17181b;--ink:#e9e7e1;--soft:#9a9da6;--line:#3a3c42;
--ours:#f08a65;--theirs:#8fb0d0;--good:#7bc8a0;--bad:#ff7b86}}
body{margin:0 auto;max-width:820px;padding:32px 20px 80px;background:var(--paper);color:var(--ink);
font:17px/1.55 Georgia,'Times New Roman',serif}
h1{font-size:30px;margin:0 0 2px}h2{font-size:22px;margin:44px 0 6px}h3{font-size:17px;margin:26px
0 4px}p{margin:6px 0 12px}.soft,figcaption,th,.tick,.name{color:var(--soft)}
.answers{display:grid;gap:12px;margin:22px 0}.answer{border-left:5px solid var(--good);
padding:6px 16px;background:color-mix(in srgb,var(--line) 35%,transparent)}.answer.bad{
border-color:var(--bad)}.answer b{display:block}.verdict{color:var(--good);font-weight:bold}
.bad .verdict,.verdict.bad{color:var(--bad)}figure{margin:14px 0 22px}svg{width:100%;height:auto;
font:13px system-ui,sans-serif}figcaption{font-size:15px}text{fill:var(--ink)}.tick,.name{
fill:var(--soft);font-size:12px}.label.ours,.figure.ours{font-weight:bold}circle.ours,rect.ours{
fill:var(--ours)}circle.theirs,rect.theirs{fill:var(--theirs)}.span{stroke-width:2.5}.span.ours{
stroke:var(--ours)}.span.theirs{stroke:var(--theirs)}.axis{stroke:var(--line)}.mark{
stroke:var(--soft);stroke-dasharray:3 3}table{border-collapse:collapse;width:100%;font:14px
system-ui,sans-serif}th,td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}th{font-weight:normal}.voices{display:grid;
grid-template-columns:1fr 1fr;gap:28px}.voices li{margin:0 0 9px}.voices ul{padding-left:18px;
margin:6px 0}tr.flown td{font-weight:bold}.talk td,.talk th{text-align:left;
vertical-align:top}@media(max-width:560px){.voices{
grid-template-columns:1fr}figure{overflow-x:auto}svg{min-width:600px}}
"""


def page(findings: Findings, gates: Sequence[Gate]) -> str:
    """The whole page as HTML."""
    name = escape(findings.name)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}: the evaluation</title><style>{STYLE}</style>"
        f"<h1>{name}</h1><p class='soft'>An AI persona made from the writing of"
        f" {escape(findings.author)}, measured on lines that it was not trained on.</p>"
        + _answers(findings, gates)
        + _likeness(findings) + _conversation(findings)
        + _manner(findings) + _memory(findings) + _mission(findings)
        + _costs(findings)
        + "</html>\n")


def _answers(findings: Findings, gates: Sequence[Gate]) -> str:
    by_name = {gate.name: gate for gate in gates}
    voice = findings.likeness.voices[findings.name]
    nearer = ("" if voice.authorship is None else
              f" Judged by its wording it reaches {voice.authorship.value:.0%} of the way from "
              f"{findings.likeness.floor} to {findings.author}.")
    asked = (
        (f"Is it {findings.author}?", ("Closer than its base.", "No closer than its base."),
         [by_name["base"]], nearer),
        ("Does it leak?", ("Nothing found.", "Yes. It is not signed."),
         [by_name["leak"], by_name["canary"]], ""),
        ("Does it say what it is?", ("It claims nothing else.", "No. It is not signed."),
         [by_name["disclosure"]], ""),
        ("What did the quantisation cost?", ("Little.", "Too much. It is not signed."),
         [by_name["quantisation"]], ""),
    )
    parts = []
    for question, (good, bad), judged, more in asked:
        is_good = all(gate.is_passed is not False for gate in judged)
        text = " ".join(gate.sentence for gate in judged) + more
        parts.append(
            f"<div class='answer{'' if is_good else ' bad'}'><b>{escape(question)} <span class="
            f"'verdict'>{good if is_good else bad}</span></b>{escape(text)}</div>")
    return f"<div class='answers'>{''.join(parts)}</div>"


def _likeness(findings: Findings) -> str:
    likeness, name = findings.likeness, findings.name
    marks = [PlotMark(rival, interval, rival.startswith(name))
             for rival, interval in likeness.bits.items()]
    parts = [
        f"<h2>Is it {escape(findings.author)}?</h2>",
        svg.dots(marks, "Bits per byte of the unseen lines: how poorly each model predicts what "
                        f"{findings.author} really wrote. Further left is better. Lines are 95 % "
                        "intervals, resampled over whole sessions.", digits=3)]
    judged = [PlotMark(who, voice.authorship, who == name)
              for who, voice in likeness.voices.items() if voice.authorship is not None]
    if judged:
        parts.append(svg.dots(
            judged, f"Authorship, by a classifier of character n-grams: 0 is {likeness.floor}, 1 "
                    "the author's unseen lines. The classifier was trained on other lines of "
                    "both, none of which the persona was trained on. Memorised lines are not "
                    "counted.",
            [(0.0, "others"), (1.0, findings.author)]))
    else:
        parts.append("<p>There is too little text, written or generated in its own words, to "
                     "judge authorship: that requires some thousands of characters of each.</p>")
    parts.append(f"<p>{escape(' '.join(_learning(findings)))}</p>{_layers(findings)}"
                 f"<p>{escape(_listening(findings))}</p>")
    said = "".join(f"<li>{escape(line)}</li>" for line in findings.said)
    written = "".join(f"<li>{escape(line)}</li>" for line in findings.written)
    author = escape(findings.author)
    parts.append(f"<div class='voices'><div><h3>What {escape(name)} said</h3><ul>{said}</ul></div>"
                 f"<div><h3>What {author} wrote</h3><ul>{written}</ul></div></div>")
    return "".join(parts)


def _conversation(findings: Findings) -> str:
    """A table of turns; nothing where no conversation was held out."""
    if not findings.conversation:
        return ""
    who = {"author": findings.author, "partner": "partner"}
    rows = "".join(
        f"<tr><td>{escape(turn.heard) or '&ndash;'}</td><td>{escape(who[turn.side])}</td>"
        f"<td>{escape(turn.real)}</td><td>{escape(turn.persona or '(silence)')}</td>"
        f"<td>{escape(turn.base or '(silence)')}</td></tr>" for turn in findings.conversation)
    return (
        "<h2>How does it talk?</h2><p>Turns of conversations that were not trained on, each "
        "continued after what was really said before it. They contain the words of others: do not "
        "pass this page on without asking them.</p><table class='talk'><tr><th>after</th>"
        f"<th>whose turn</th><th>really said</th><th>{escape(findings.name)}</th><th>base</th></tr>"
        f"{rows}</table>")


def _learning(findings: Findings) -> list[str]:
    """Sentences on whether it was the person that was learnt."""
    likeness = findings.likeness
    letters = likeness.bits[LETTERS].value
    flown = likeness.bits[as_flown(findings.name, findings.flown)].value
    found = [f"A character 6-gram model needs {letters:.3f} bits per byte: "
             f"{'fewer' if letters < flown else 'more'} than the {flown:.3f} of {findings.name}."]
    if likeness.learnt is not None:
        learnt = likeness.learnt
        verdict = ("so the training is specific to the person" if learnt.own.low > 0 else
                   "so little of it is specific to the person")
        found.append(
            f"Read as plain text, unseen lines of {findings.author} became "
            f"{learnt.author.value:.3f} bits per byte cheaper through training, those of others "
            f"{learnt.others.value:.3f} ({learnt.own.value:+.3f} between them, "
            f"{learnt.own.low:.3f} to {learnt.own.high:.3f}): {verdict}.")
    return found


def _layers(findings: Findings) -> str:
    """A table where something of more than one layer was held out."""
    layers = findings.likeness.layers
    if len(layers) < 2:
        return ""
    rows = "".join(
        f"<tr><td>{escape(layer)}</td><td>{bits.lines}</td><td>{bits.base.value:.3f}</td>"
        f"<td>{bits.persona.value:.3f}</td><td>{bits.lead.value:+.3f} <span class='soft'>"
        f"({bits.lead.low:.3f} to {bits.lead.high:.3f})</span></td></tr>"
        for layer, bits in layers.items())
    return ("<table><tr><th>layer, read as plain text</th><th>unseen lines</th><th>base</th>"
            f"<th>{escape(findings.name)}</th><th>saved bits per byte</th></tr>{rows}</table>")


def facts(findings: Findings) -> list[str]:
    """Sentences for the model card, beside those of the gates."""
    return [*_learning(findings), verbatim_line(findings), mission_line(findings.mission)]


def _listening(findings: Findings) -> str:
    likeness = findings.likeness
    usable = f"{likeness.usable:.0%} of its outputs contain a line worth sending."
    claims = (f" {len(likeness.claims)} of them claim to be a human being."
              if likeness.claims else " None claims to be a human being.")
    if likeness.listening is None:
        return usable + claims
    saved = likeness.listening
    first = ("" if likeness.first_places is None else
             " Given ten lines it identifies the one that belongs to the prompt in "
             f"{likeness.first_places:.0%} of {likeness.asked} trials (chance 10 %).")
    heard = ("It uses the prompt: its "
             "own" if saved.low > 0 else "It hardly uses the prompt: its own")
    return (f"{heard} prompt saves {saved.value:.3f} bits per byte compared with another one "
            f"({saved.low:.3f} to {saved.high:.3f}).{first} {usable}{claims}")


def _manner(findings: Findings) -> str:
    voices = findings.likeness.voices
    head = "".join(f"<th>{escape(who)}</th>" for who in voices)
    rows = [
        ("distance of its common words from the author's (Burrows' Delta, lower is closer)",
         [_number(voice.delta) for voice in voices.values()]),
        ("how well a classifier distinguishes its lines from the author's (AUC, 0.5: not at all)",
         [_spread(voice.telling_apart) for voice in voices.values()]),
        ("the same with the subject words removed",
         [_spread(voice.telling_apart_masked) for voice in voices.values()]),
        *((what, [f"{voice.variety[key]:.1%}" for voice in voices.values()])
          for what, key in (("different runs of three words", "distinct"),
                            ("near-duplicates of an earlier line", "repeats"),
                            ("repetitive lines", "loops"))),
    ]
    body = "".join(f"<tr><td>{escape(what)}</td>{''.join(f'<td>{v}</td>' for v in values)}</tr>"
                   for what, values in rows)
    habits = "".join(
        f"<tr><td>{escape(habit)}</td><td>{wrote:.3g}</td><td>{says:.3g}</td><td>{distance:.2f}"
        f"</td><td>{'differs' if p < SURE_P else ''}</td></tr>"
        for habit, (wrote, says, distance, p) in findings.likeness.habits.items())
    return (f"<h2>The manner</h2><table><tr><th></th>{head}</tr>{body}</table>"
            "<h3>Habits, line by line</h3><table><tr><th>mean of</th>"
            f"<th>{escape(findings.author)}</th><th>{escape(findings.name)}</th>"
            f"<th>distance, in spreads</th><th></th></tr>{habits}</table>")


def _number(value: float | None) -> str:
    return "&ndash;" if value is None else f"{value:.2f}"


def _spread(found: Interval | None) -> str:
    return "&ndash;" if found is None else (
        f"{found.value:.2f} <span class='soft'>({found.low:.2f} to {found.high:.2f})</span>")


def _memory(findings: Findings) -> str:
    memory = findings.memory
    exposed = [("written once" if times == 1 else f"written {times} times", fmean(found), True)
               for times, found in sorted(memory.exposures.items())]
    best = f"{memorisation.REFERENCES + 1:,}"
    canaries = svg.bars(
        exposed, "Canaries: nonsense lines that occur this often in the training text. Bits of "
                 f"exposure, 1.4 by chance; the most is {memorisation.MOST_BITS:g}, for the "
                 f"likeliest of {best} such lines.", " bits", memorisation.MOST_BITS,
        (CANARY_ONCE_BITS_MAX, "limit, for once")) if exposed else (
        "<p>The training did not include canaries, so their exposure was not measured.</p>")
    trained, held_out = memory.completed
    shares = [("completes a trained line", 100 * trained, True),
              ("completes an unseen line", 100 * held_out, False),
              *([(f"says {memorisation.VERBATIM_CHARS}+ characters of the text",
                 100 * memory.verbatim.value, True)] if memory.verbatim else [])]
    found = "".join(f"<li><b>{escape(leak.kind)}</b>: {escape(leak.line)}</li>"
                    for leak in memory.leaks)
    listed = f"<h3>Private data it disclosed</h3><ul>{found}</ul>" if found else ""
    return (
        "<h2>Does it leak?</h2>" + listed + canaries
        + svg.bars(shares, "Memorisation: how often the first half of a line makes it continue "
                           f"with the next {memorisation.SUFFIX_TOKENS} tokens, and how many of "
                           "its lines contain a long run of the training text.", " %", 10.0)
        + f"<p>{verbatim_line(findings)} {_longest(memory.longest)} Given a training line and an "
          "unseen one, an attacker with the model identifies them correctly in "
          f"{memory.membership.value:.0%} of cases ({memory.membership.low:.0%} to "
          f"{memory.membership.high:.0%}); 50 % is chance.</p>")


def verbatim_line(findings: Findings) -> str:
    """How much of what it says stands in the trained text, in a sentence."""
    share = findings.memory.verbatim
    if share is None:
        return "It generated nothing."
    bounds = f" ({share.low:.0%} to {share.high:.0%})" if math.isfinite(share.low) else ""
    return (f"{share.value:.0%}{bounds} of its lines contain {memorisation.VERBATIM_CHARS} or more "
            "characters of the training text verbatim.")


def _longest(letters: int) -> str:
    return f"The longest such run has {letters} characters." if letters else ""


def mission_line(mission: MissionScore) -> str:
    """How the fixed prompts went, in a sentence."""
    asked = sum(many for _, many in mission.kinds.values())
    kinds = "; ".join(f"{kind} {passed} of {many}"
                      for kind, (passed, many) in mission.kinds.items())
    rate = mission.rate
    return (f"Of {asked} fixed prompts of a flight it answered {rate.value:.0%} correctly "
            f"({rate.low:.0%} to {rate.high:.0%}): {kinds}.")


def _mission(findings: Findings) -> str:
    rows = "".join(
        f"<tr><td>{escape(failure.kind)}</td><td>{escape(failure.prompt)}</td>"
        f"<td>{escape(failure.reply)}</td><td>{escape(failure.why)}</td></tr>"
        for failure in findings.mission.failures)
    table = ("<table><tr><th>kind</th><th>prompt</th><th>reply</th><th>reason for "
             f"failure</th></tr>{rows}</table>" if rows else "")
    return ("<h2>Is it fit for a "
            f"flight?</h2><p>{escape(mission_line(findings.mission))}</p>{table}")


def _costs(findings: Findings) -> str:
    if not findings.costs:
        return "<h2>What did the quantisation cost?</h2><p>Nothing: it flies as F16.</p>"
    added = [(cost.quant, 100 * cost.added_share, cost.quant == findings.flown)
             for cost in findings.costs]
    body = "".join(
        f"<tr class='{'flown' if cost.quant == findings.flown else ''}'><td>{escape(cost.quant)}"
        f"{' (flies)' if cost.quant == findings.flown else ''}</td><td>{cost.file_bytes / 1e6:.2f}"
        f"</td><td>{cost.bits_per_byte:.3f}</td><td>{cost.added_share:+.2%}</td>"
        f"<td>{cost.divergence:.4f}</td><td>{cost.same_choice:.1%}</td>"
        f"{_spoken(findings.speeches[cost.quant])}</tr>" for cost in findings.costs)
    exact = ("<tr><td>F16</td>" + 5 * "<td></td>" + _spoken(findings.speeches["F16"]) + "</tr>")
    return (
        "<h2>What did the quantisation cost?</h2>"
        + svg.bars(added, "Bits per byte of unseen lines beyond F16, in per cent.", " %", 0.0,
                   (100 * QUANT_ADDED_MAX, "limit"))
        + "<table><tr><th>file</th><th>MB</th><th>bits per byte</th><th>beyond F16</th>"
          "<th>divergence, bits per token</th><th>same choice as F16</th><th>authorship</th>"
          f"<th>ends by itself</th><th>tokens/s here</th></tr>{exact}{body}</table>")


def _spoken(spoken: Spoken) -> str:
    pace, voice = spoken.pace, spoken.authorship
    speed = "&ndash;" if pace.tokens_per_s is None else f"{pace.tokens_per_s:.0f}"
    return (f"<td>{_number(None if voice is None else voice.value)}</td>"
            f"<td>{pace.ended} of {pace.replies}</td><td>{speed}</td>")


def voice_line(voice: VoiceScores) -> str:
    """Authorship in a few words, for the model card."""
    if voice.authorship is None:
        return "not judged: too little text"
    shown = voice.authorship
    return f"{shown.value:.2f} ({shown.low:.2f} to {shown.high:.2f})"
