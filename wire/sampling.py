"""How a persona is sampled: its signed manifest says it, and the mission file may override it.

The examination before signing uses these same values, so that what was examined is what flies.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

DRAFTS_MAX = 8
TOKENS_MAX = 256

Temperature = Annotated[float, Field(ge=0, le=2)]  # 0: the likeliest token
MinP = Annotated[float, Field(ge=0, le=1)]  # share of the likeliest token's (arXiv 2407.01082)
Drafts = Annotated[int, Field(ge=1, le=DRAFTS_MAX)]  # in one batch; the best one is kept
SentencesMax = Annotated[int, Field(ge=1, le=10)]
TokensMax = Annotated[int, Field(ge=1, le=TOKENS_MAX)]  # of one draft


class Sampling(BaseModel):
    """The values of one bundle; those it does not name are the defaults here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    temperature: Temperature = 0.7
    min_p: MinP = 0.05
    drafts: Drafts = 1
    sentences_max: SentencesMax = 2
    max_tokens: TokensMax = 64

    def overridden(self, by: dict[str, int | float]) -> Sampling:
        """These values, but those that ``by`` names."""
        return Sampling.model_validate({**self.model_dump(), **by})


def sampling_of(runtime: dict[str, Any]) -> Sampling:
    """The sampling in a manifest's ``runtime``. Raises ValueError naming the key."""
    known = {name: runtime[name] for name in Sampling.model_fields if name in runtime}
    try:
        return Sampling.model_validate(known)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
