"""The subject of an evaluation: the files of a persona and the rows it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.rows.dataset import NO_LOSS, Row, RowBuilder
from host_training.rows.partners import Line
from payload.mind.reranker import Reranker
from payload.prompt import topic_of
from wire.sampling import Sampling


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined, and how it is asked."""

    name: str
    author: str
    base: Path  # F16 GGUF of the base it came from
    exact: Path  # F16 GGUF of the persona
    ladder: dict[str, Path]  # quantised files by type
    flown: str  # the type that flies, or F16
    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]  # by which nothing was chosen
    unasked: Sequence[Row]  # of the test too, but only to be read
    partners: Sequence[Line]
    builder: RowBuilder
    sampling: Sampling
    lines: int  # said by what is judged; 200 make twenty bags of a thousand letters
    terms: Sequence[str]  # never to be said
    region: str | None  # of telephone numbers without their country code
    seed: int
    threads: int
    has_canaries: bool  # they were trained along
    has_partners: bool  # what others said in chats was trained on too
    reranker: Reranker | None

    @property
    def flown_path(self) -> Path:
        """The file that flies."""
        return self.files[self.flown]

    @property
    def files(self) -> dict[str, Path]:
        """Those of the persona by type, the unquantised one first."""
        return {"F16": self.exact, **self.ladder}

    def order(self, row: Row, drafts: Sequence[str]) -> Sequence[str]:
        """The drafts of a row as the flight tries them, the best first."""
        if self.reranker is None:
            return drafts
        prompt_ids = [token for token, label in zip(row.input_ids, row.labels, strict=True)
                 if label == NO_LOSS]
        return self.reranker.ordered(drafts, topic_of(self.builder.decode(prompt_ids)))
