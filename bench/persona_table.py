"""Results of the persona benchmark: figures with intervals, a table and a plot.

The judge of authorship learns from half of each author's unseen sessions; the other half is the
ceiling (the author's own) and the floor (the other authors'). So it never saw what any persona was
trained on. All rivals continue the same passages, and are compared on the same: a persona beats a
rival where the interval of the difference leaves out zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import Figure
from host_training.evaluation import authorship, intervals, memorisation, style
from host_training.evaluation.authorship import BAG_CHARS, bags
from host_training.evaluation.intervals import Interval

SEED = 1
UNTUNED = ("base", "prompt", "page")
NAMES = {"base": "base alone", "prompt": "base, the flight's prompt",
         "page": "base, a page of the author first", "lora": "LoRA persona"}

Measured = Mapping[str, Any]  # of bench.persona.measure


def rows(results: Mapping[str, Measured], quants: Sequence[str], out_dir: Path) -> list[Figure]:
    """Print the table, save ``persona.png``; the rows to be met."""
    found: list[Figure] = []
    tables: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for author in results:
        bench = _Bench(results, author)
        for quant in quants:
            tables[author, quant] = table = bench.figures(quant)
            found += _targets(author, quant, table)
    _print(tables)
    if tables:
        plot(tables, out_dir / "persona.png")
    return found


class _Bench:
    """What an author's rivals are judged with; made once for all levels."""

    def __init__(self, results: Mapping[str, Measured], author: str) -> None:
        self._own = own = results[author]
        learnt, self._ceiling = _halves(own)
        others = [_halves(results[name]) for name in results if name != author]
        others_learnt = [bag for half, _ in others for bag in bags(half)]
        self._judge = authorship.Judge(bags(learnt), others_learnt)
        self._delta = style.Delta(bags(learnt), others_learnt)
        floor = self._judge.score([bag for _, half in others for bag in bags(half)])
        self._scale = floor, self._judge.score(bags(self._ceiling))
        self._corpus = memorisation.TrainedText(own["trained"])
        self._sizes = np.array([len(text.encode()) for text in own["test"]], float)

    def figures(self, quant: str) -> dict[str, dict[str, Any]]:
        """Rival -> its figures, with what is needed to compare two rivals."""
        table: dict[str, dict[str, Any]] = {}
        sessions = self._own["sessions"]
        aligned = aligned_bags({rival: entry["lines"] for rival, entry in self._own[quant].items()})
        for rival, entry in self._own[quant].items():
            lines, costs = [line for of in entry["lines"] for line in of], np.array(entry["bits"])
            scores = self._judge.score(aligned[rival])
            table[rival] = {
                "bits": intervals.ratio(costs, self._sizes, sessions, SEED),
                "costs": costs, "sizes": self._sizes, "sessions": sessions, "scores": scores,
                "scale": self._scale, "delta": self._delta.distance(lines),
                "authorship": authorship.normalised(scores, *self._scale, SEED),
                "auc": intervals.auc_interval(scores, self._scale[0], SEED),
                "verbatim": np.mean([self._corpus.longest_common(line) > 0 for line in lines]),
                "distinct": style.variety(lines)["distinct"],
                "once": np.mean(entry["exposures"]["1"]),
            }
        table["author"] = {"delta": self._delta.distance(self._ceiling),
                           "distinct": style.variety(self._ceiling)["distinct"]}
        return table


def aligned_bags(lines: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, list[str]]:
    """Per rival the bags of its lines, as many of each rival, all to the same passages.

    A bag ends behind the passage with which every rival's has BAG_CHARS; a short rest is left out.
    """
    found: dict[str, list[str]] = {rival: [] for rival in lines}
    open_lines: dict[str, list[str]] = {rival: [] for rival in lines}
    for of_rivals in zip(*lines.values(), strict=True):
        for rival, of_passage in zip(lines, of_rivals, strict=True):
            open_lines[rival] += of_passage
        texts = {rival: "\n".join(of) for rival, of in open_lines.items()}
        if min(map(len, texts.values())) >= BAG_CHARS:
            for rival, text in texts.items():
                found[rival].append(text)
                open_lines[rival] = []
    return found


def _halves(measured: Measured) -> tuple[list[str], list[str]]:
    """Unseen passages of every other session, and those of the rest."""
    unseen = measured["unseen"]
    turns = {session: n % 2 for n, session in enumerate(dict.fromkeys(s for s, _ in unseen))}
    sides: tuple[list[str], list[str]] = [], []
    for session, text in unseen:
        sides[turns[session]].append(text)
    return sides


def bits_lead(table: Mapping[str, Any], first: str, second: str) -> Interval:
    """Bits per byte by which ``first`` is better than ``second`` on the same passages."""
    a, b = table[first], table[second]
    return intervals.ratio(b["costs"] - a["costs"], a["sizes"], a["sessions"], SEED)


def authorship_lead(table: Mapping[str, Any], first: str, second: str) -> Interval:
    """By how much of the way from floor to ceiling ``first`` is nearer to the author."""
    a, b = table[first], table[second]
    floor, ceiling = a["scale"]
    return authorship.lead(a["scores"], b["scores"], floor, ceiling, SEED)


def _targets(author: str, quant: str, table: Mapping[str, Any]) -> list[Figure]:
    """The least lead of the LoRA persona over an untuned rival, at the low end of its interval."""
    found = []
    for what, lead, unit in (("bits per byte below", bits_lead, "bits/byte"),
                             ("authorship above", authorship_lead, "of floor to ceiling")):
        leads = {rival: lead(table, "lora", rival) for rival in UNTUNED}
        least = min(leads.values(), key=lambda interval: interval.low)
        found.append(Figure(
            f"{author} {quant}: LoRA, {what} every untuned rival, low end", least.low, unit, 0.0,
            ">=", {f"over {NAMES[r]}": leads[r].value for r in leads}))
    return found


def _print(tables: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    print("\nauthorship: 0 the other authors, 1 the author's own unseen pages; Delta: distance of"
          " word use; canary: exposure in bits of what stood in the text once, 1.4 by chance\n")
    print("| | bits per byte | authorship | AUC | Delta | by heart | distinct | canary |")
    print("|---|---|---|---|---|---|---|---|")
    for (author, quant), table in tables.items():
        print(f"| **{author}, {quant}** | | | | {table['author']['delta']:.2f} (own) | |"
              f" {table['author']['distinct']:.2f} (own) | |")
        for rival, name in NAMES.items():
            f = table[rival]
            print(f"| {name} | {_shown(f['bits'], 3)} | {_shown(f['authorship'], 2)} |"
                  f" {f['auc'].value:.2f} | {f['delta']:.2f} | {f['verbatim']:.1%} |"
                  f" {f['distinct']:.2f} | {f['once']:.1f} |")


def _shown(interval: Interval, digits: int) -> str:
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f}..{interval.high:.{digits}f})"


def plot(tables: Mapping[tuple[str, str], Mapping[str, Any]], path: Path) -> None:
    """What every rival saves against the base alone, and authorship, with their intervals.

    Bits are shown as leads on the same passages: how hard the passages are differs far more than
    the rivals do, and intervals of the bits themselves would all overlap.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = ({rival: [bits_lead(table, rival, "base") for table in tables.values()]
              for rival in NAMES},
             {rival: [table[rival]["authorship"] for table in tables.values()] for rival in NAMES})
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 1.2 + 0.75 * len(tables)), sharey=True,
                                   layout="constrained")
    for axis, intervals_of in zip(axes, shown, strict=True):
        for number, (rival, name) in enumerate(NAMES.items()):
            values = [interval.value for interval in intervals_of[rival]]
            spans = [[i.value - i.low for i in intervals_of[rival]],
                     [i.high - i.value for i in intervals_of[rival]]]
            axis.errorbar(values, [0.3 - 0.15 * number - n for n in range(len(tables))],
                          xerr=spans, fmt="o", markersize=4, linewidth=1, capsize=2, label=name)
        axis.set_yticks([-n for n in range(len(tables))], [f"{a} {q}" for a, q in tables])
        axis.grid(axis="x", linewidth=0.3)
        axis.axvline(0, color="black", linewidth=0.8, linestyle=":")
    axes[0].set_xlabel("bits per byte saved against the base alone (more is better)")
    axes[1].set_xlabel("authorship: 0 other authors, 1 the author's own pages")
    axes[1].axvline(1, color="black", linewidth=0.8, linestyle=":")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=5, fontsize=8,
                  loc="outside upper center")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
