"""How thoughts are drawn: by the bundle, what the mission overrides, and what power allows."""

from __future__ import annotations

from payload.mind.drafts import REPLY_DRAFTS_MORE, REPLY_TOKENS_MAX, of_replies
from payload.mind.mind import DRAFTS_UNRANKED
from tests.payload.mind.desk import SAMPLING, SECTION, Desk, Worker
from wire.sampling import DRAFTS_MAX, Sampling


def test_drafts_cost_power() -> None:
    """Goal: drafts compared by the model while power is good, two as they come when it is short
    or unknown, and never more than the bundle was examined with."""
    asked = {}
    for battery_mv in (4000, 3500, None):
        desk = Desk(Worker(), battery_mv=battery_mv)
        desk.run(200)
        asked[battery_mv] = {(request.drafts, request.plain_suffix != "")
                             for _, request in desk.worker.requests}
    short = {(DRAFTS_UNRANKED, False)}
    assert asked == {4000: {(SAMPLING.drafts, True)}, 3500: short, None: short}


def test_a_bundle_of_one_draft_draws_one_with_power_short() -> None:
    desk = Desk(Worker(), battery_mv=3500, section=SECTION.model_copy(update={"drafts": 1}))
    desk.run(200)
    assert {request.drafts for _, request in desk.worker.requests} == {1}


def test_the_mission_overrides_the_sampling_of_the_bundle() -> None:
    """Goal: each value by itself. Method: one of five set in the mission file."""
    section = SECTION.model_copy(update={"temperature": 0.25})
    desk = Desk(Worker(), section=section)
    desk.run(70)
    (_, request), = desk.worker.requests
    assert (request.temperature, request.min_p, request.sentences_max) == (
        0.25, SAMPLING.min_p, SAMPLING.sentences_max)


def test_a_reply_is_brief_and_has_more_drafts_whatever_the_battery() -> None:
    """Goal: questions are rare, and worth their energy. Method: one at good, one at poor power."""
    for battery_mv in (4000, 3500, None):
        desk = Desk(Worker(), battery_mv=battery_mv)
        desk.run(10)
        desk.mind.ask(7, "Are you cold?")
        desk.run(20)
        (_, request), = desk.worker.requests
        assert request.is_brief and request.plain_suffix != ""
        assert request.drafts == SAMPLING.drafts + REPLY_DRAFTS_MORE
        assert request.max_tokens <= REPLY_TOKENS_MAX


def test_a_bundle_of_one_draft_replies_with_one() -> None:
    assert of_replies(Sampling(drafts=1)).drafts == 1
    assert of_replies(Sampling(drafts=DRAFTS_MAX)).drafts == DRAFTS_MAX
