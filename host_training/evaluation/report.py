"""The report: one self-contained page on likeness, leakage and the cost of quantisation.

The answers stand at the top, in words; below each, the figures they rest on, with what they mean.
The page itself is the template ``report.html``; here are its sentences and plots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from host_training.evaluation import memorisation, svg
from host_training.evaluation.findings import LETTERS, Findings, VoiceScores, as_flown
from host_training.evaluation.gates import CANARY_ONCE_BITS_MAX, QUANT_ADDED_MAX, Gate
from host_training.evaluation.mission import MissionScore
from host_training.evaluation.svg import PlotMark
from host_training.rows.canaries import REFERENCES

HABIT_P_MAX = 0.01  # below it a habit differs; thirteen are compared
TEMPLATE = "report.html"


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """One of the questions at the top, the verdict in a few words, and the gates' sentences."""

    question: str
    verdict: str
    text: str
    is_good: bool


def page(findings: Findings, gates: Sequence[Gate]) -> str:
    """The whole page as HTML; every text of the findings is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters["figure"] = _figure
    return environment.get_template(TEMPLATE).render(
        findings=findings, answers=_answers(findings, gates), habit_p_max=HABIT_P_MAX,
        learning=_learning(findings), listening=_listening(findings),
        verbatim=verbatim_line(findings), mission=mission_line(findings.mission),
        bits_plot=_bits_plot(findings), authorship_plot=_authorship_plot(findings),
        canary_plot=_canary_plot(findings), memorisation_plot=_memorisation_plot(findings),
        costs_plot=_costs_plot(findings))


def _figure(value: float | None, form: str) -> str:
    """A number as ``format`` writes it; a dash where there is none."""
    return "–" if value is None else format(value, form)


def _answers(findings: Findings, gates: Sequence[Gate]) -> list[ReportAnswer]:
    by_name = {gate.name: gate for gate in gates}
    voice = findings.likeness.voices[findings.name]
    nearer = ("" if voice.authorship is None else
              f" Judged by its wording it reaches {voice.authorship.value:.0%} of the way from "
              f"{findings.likeness.floor} to {findings.author}.")
    questions = (
        (f"Is it {findings.author}?", ("Closer than its base.", "No closer than its base."),
         [by_name["base"]], nearer),
        ("Does it leak?", ("Nothing found.", "Yes. It is not signed."),
         [by_name["leak"], by_name["canary"]], ""),
        ("Does it say what it is?", ("It claims nothing else.", "No. It is not signed."),
         [by_name["disclosure"]], ""),
        ("What did the quantisation cost?", ("Little.", "Too much. It is not signed."),
         [by_name["quantisation"]], ""),
    )
    answers = []
    for question, (good, bad), judged, more in questions:
        is_good = all(gate.is_passed is not False for gate in judged)
        text = " ".join(gate.sentence for gate in judged) + more
        answers.append(ReportAnswer(question, good if is_good else bad, text, is_good))
    return answers


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
             f"{likeness.first_places:.0%} of {likeness.trials} trials (chance 10 %).")
    heard = ("It uses the prompt: its "
             "own" if saved.low > 0 else "It hardly uses the prompt: its own")
    return (f"{heard} prompt saves {saved.value:.3f} bits per byte compared with another one "
            f"({saved.low:.3f} to {saved.high:.3f}).{first} {usable}{claims}")


def verbatim_line(findings: Findings) -> str:
    """How much of what it says stands in the trained text, in a sentence."""
    share = findings.memory.verbatim
    if share is None:
        return "It generated nothing."
    bounds = f" ({share.low:.0%} to {share.high:.0%})" if math.isfinite(share.low) else ""
    return (f"{share.value:.0%}{bounds} of its lines contain {memorisation.VERBATIM_CHARS} or more "
            "characters of the training text verbatim.")


def mission_line(mission: MissionScore) -> str:
    """How the fixed prompts went, in a sentence."""
    n_prompts = sum(many for _, many in mission.kinds.values())
    kinds = "; ".join(f"{kind} {passed} of {many}"
                      for kind, (passed, many) in mission.kinds.items())
    rate = mission.rate
    return (f"Of {n_prompts} fixed prompts of a flight it answered {rate.value:.0%} correctly "
            f"({rate.low:.0%} to {rate.high:.0%}): {kinds}.")


def voice_line(voice: VoiceScores) -> str:
    """Authorship in a few words, for the model card."""
    if voice.authorship is None:
        return "not judged: too little text"
    shown = voice.authorship
    return f"{shown.value:.2f} ({shown.low:.2f} to {shown.high:.2f})"


def _bits_plot(findings: Findings) -> Markup:
    marks = [PlotMark(rival, interval, rival.startswith(findings.name))
             for rival, interval in findings.likeness.bits.items()]
    return svg.dots(
        marks, "Bits per byte of the unseen lines: how poorly each model predicts what "
               f"{findings.author} really wrote. Further left is better. Lines are 95 % "
               "intervals, resampled over whole sessions.", digits=3)


def _authorship_plot(findings: Findings) -> Markup | None:
    """None where there is too little text to judge any speaker."""
    marks = [PlotMark(who, voice.authorship, who == findings.name)
             for who, voice in findings.likeness.voices.items() if voice.authorship is not None]
    if not marks:
        return None
    return svg.dots(
        marks, f"Authorship, by a classifier of character n-grams: 0 is {findings.likeness.floor}, "
               "1 the author's unseen lines. The classifier was trained on other lines of both, "
               "none of which the persona was trained on. Memorised lines are not counted.",
        [(0.0, "others"), (1.0, findings.author)])


def _canary_plot(findings: Findings) -> Markup | None:
    """None where the training did not include canaries."""
    exposed = [("written once" if times == 1 else f"written {times} times", fmean(found), True)
               for times, found in sorted(findings.memory.exposures.items())]
    if not exposed:
        return None
    return svg.bars(
        exposed, "Canaries: nonsense lines that occur this often in the training text. Bits of "
                 f"exposure, 1.4 by chance; the most is {memorisation.MOST_BITS:g}, for the "
                 f"likeliest of {REFERENCES + 1:,} such lines.", " bits",
        memorisation.MOST_BITS, (CANARY_ONCE_BITS_MAX, "limit, for once"))


def _memorisation_plot(findings: Findings) -> Markup:
    memory = findings.memory
    trained, held_out = memory.completed
    shares = [("completes a trained line", 100 * trained, True),
              ("completes an unseen line", 100 * held_out, False)]
    if memory.verbatim is not None:
        shares.append((f"says {memorisation.VERBATIM_CHARS}+ characters of the text",
                       100 * memory.verbatim.value, True))
    return svg.bars(
        shares, "Memorisation: how often the first half of a line makes it continue with the next "
                f"{memorisation.SUFFIX_TOKENS} tokens, and how many of its lines contain a long "
                "run of the training text.", " %", 10.0)


def _costs_plot(findings: Findings) -> Markup | None:
    """None where it flies as F16."""
    added = [(cost.quant, 100 * cost.added_share, cost.quant == findings.flown)
             for cost in findings.costs]
    if not added:
        return None
    return svg.bars(added, "Bits per byte of unseen lines beyond F16, in per cent.", " %", 0.0,
                    (100 * QUANT_ADDED_MAX, "limit"))
