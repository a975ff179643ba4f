"""Record queue: which record goes into a block next, and how its body is packed for the air.

Events first, as long as they are few, then the classes by their shares of the bytes: words have
nearly all of a link that carries no more, and neither pictures nor housekeeping can starve another.
Events that pile up, as in weeks of a bad link, have a share too. Records whose block was
given up half-done go again only when nothing else waits. Texts are packed with the persona's codec,
unless the ground said that it lacks this very model.
"""

from __future__ import annotations

from collections import deque

from payload.storage.durable_store import Store
from wire import records
from wire.bodies import MODEL_ID_BYTES, TextSeat, marked_text
from wire.records import Priority, Record
from wire.text_codec import TextModel
from wire.transfer import Sender

BACKLOG_SYMBOLS_MAX = 6  # laid into blocks ahead of sending; small, so urgent things stay urgent
BULK_OUT_MAX = 3  # bulk blocks that may be half heard at a time: one after the other is done
PARCELS_OUT_MAX = 8  # parcels of other payloads and pictures, beyond which no parcel follows
GIVEN_UP_MAX = 20_000  # beyond it the oldest wait for the next boot
CODED_REMEMBERED_MAX = 4096
PLAIN_MODELS_MAX = 8
# A step packs no further text once it has packed this much: about 0.07 s on a desk, so 0.7 s on a
# Pi Zero 2 if that is ten times slower.
TEXT_BYTES_PER_STEP = 300
SHARES: dict[Priority, int] = {
    Priority.TRACK: 40,
    Priority.MUSING: 300,  # words first: four bytes of five while any wait
    Priority.API: 10,
    Priority.IMAGE: 20,
    Priority.BULK: 5,
    Priority.RELAY: 40,
}
EVENT_BURST_BYTES = 1_500  # of events, about 25, that go before whatever waits; beyond them they
EVENT_SHARE = 1 / 3  # earn so much of a byte with each byte of the others: one in four
_TEXT = tuple(priority for priority in Priority if priority < Priority.IMAGE)
_PLAIN_KEY = "plain_text_models"


class RecordQueue:
    """Moves records from the store into the sender's blocks, a little ahead of sending."""

    def __init__(self, store: Store, sender: Sender, codec: TextModel | None) -> None:
        self.unsendable_records = 0
        self.given_up: deque[int] = deque(maxlen=GIVEN_UP_MAX)  # record ids
        self._store = store
        self._sender = sender
        self._codec: TextModel | None = None
        if codec is not None:
            self.use(codec)
        self._coded: deque[int] = deque(maxlen=CODED_REMEMBERED_MAX)  # ids, of this boot
        self._credits = dict.fromkeys(SHARES, 0.0)  # bytes
        self._event_debt_bytes = 0.0  # that events had before others

    def use(self, codec: TextModel) -> None:
        """Pack texts with ``codec`` from now on, unless the ground said that it lacks it."""
        is_wanted = _number(codec) not in self._store.get(_PLAIN_KEY, [])
        self._codec = codec if is_wanted else None

    def follow(self, sender: Sender) -> None:
        """From now on records are laid into the blocks of ``sender``."""
        self._sender = sender

    def lay(self, now_ms: int) -> None:
        """Lay what is to go next; at most a little, and no more text than a step may pack."""
        text_bytes, has_event = 0, False
        while text_bytes < TEXT_BYTES_PER_STEP and not self._sender.is_used_up:
            record, rivals = self._next(now_ms)
            if record is None:
                break
            if self._codec is not None:
                text_bytes += len(marked_text(record.body).encode())
            packed = records.pack(record, self._codec)
            if packed.seat is TextSeat.MODEL:
                self._coded.append(record.record_id)
            self._charge(record.priority, len(packed.data), rivals)
            try:
                self._sender.push(record, now_ms, packed)
            except ValueError:
                self.unsendable_records += 1
            self._store.mark_in_flight([record.record_id])
            has_event |= record.priority is Priority.EVENT
        # The last event is sent without waiting for others; until then each fills up a symbol.
        if has_event and not self._store.queued(Priority.EVENT, 1):
            self._sender.flush(Priority.EVENT)
        self.given_up.extend(self._sender.take_expired())

    def send_plain_text(self, model: int) -> str:
        """The ground lacks this text model: send texts without it, and those sent coded again.

        Returns why not, empty when it is done. Kept across reboots, for this model alone.
        """
        plain = self._store.get(_PLAIN_KEY, [])
        if model in plain:
            return ""
        if self._codec is not None and _number(self._codec) != model:
            return "no such text model here"
        self._codec = None  # or it comes later, see ``use``
        self._store.put(_PLAIN_KEY, [*plain, model][-PLAIN_MODELS_MAX:])
        self._sender.withdraw(set(self._coded))
        self._store.send_again(self._coded)
        self._coded.clear()
        return ""

    def _next(self, now_ms: int) -> tuple[Record | None, list[Priority]]:
        """(the next record, the classes that it was preferred to and its own)."""
        if self._sender.backlog_symbols(_TEXT) >= BACKLOG_SYMBOLS_MAX:
            return None, []
        events = self._store.queued(Priority.EVENT, 1)
        if not events:
            self._event_debt_bytes = 0.0
        elif self._event_debt_bytes < EVENT_BURST_BYTES:
            return events[0], []
        waiting = {
            priority: found[0] for priority in SHARES
            if (found := self._store.queued(priority, 1)) and self._has_room(priority, now_ms)}
        if events and not waiting:
            return events[0], []
        if not waiting:
            if self.given_up and self._sender.is_caught_up(now_ms):
                self._store.mark_queued([self.given_up.popleft()])
            return None, []
        chosen = max(waiting, key=lambda p: self._credits[p] - _saved_up_for(waiting[p]))
        return waiting[chosen], list(waiting)

    def _has_room(self, priority: Priority, now_ms: int) -> bool:
        """May this class be laid into a block now, where text may?

        A picture's symbols never stand before a line of text, so they have room of their own: one
        picture, one tile or one parcel ahead of sending. While there is no room for text a picture
        has no rival, and would not wait for its share.
        """
        sender = self._sender
        match priority:
            case Priority.IMAGE:
                return self._is_lane_free() and sender.takes_pictures(now_ms)
            case Priority.BULK:
                return (not sender.backlog_symbols((Priority.BULK,))
                        and sender.short_blocks(Priority.BULK, now_ms) < BULK_OUT_MAX
                        and sender.takes_pictures(now_ms))
            case Priority.RELAY:
                return (self._is_lane_free()
                        and sender.short_blocks(Priority.RELAY, now_ms) < PARCELS_OUT_MAX)
            case _:
                return True

    def _is_lane_free(self) -> bool:
        """Of what shares the lane of pictures, nothing waits to be sent a first time."""
        return not self._sender.backlog_symbols((Priority.IMAGE, Priority.RELAY))

    def _charge(self, chosen: Priority, size_bytes: int, rivals: list[Priority]) -> None:
        """Every class that had something to send earns its share of what one of them sent."""
        if chosen is Priority.EVENT:
            self._event_debt_bytes += size_bytes
            return
        self._event_debt_bytes -= EVENT_SHARE * size_bytes
        shares = sum(SHARES[priority] for priority in rivals)
        for priority in SHARES:
            earned = size_bytes * SHARES[priority] / shares
            # A class with nothing to send saves nothing up.
            self._credits[priority] += earned if priority in rivals else -self._credits[priority]
        self._credits[chosen] -= size_bytes


def _saved_up_for(record: Record) -> int:
    """Bytes that a class must have earned more than the others before this record goes: a picture
    is as long as forty lines of text, and would otherwise go first and pay later."""
    image = record.body.get("image")
    return len(image) if isinstance(image, bytes) else 0


def _number(codec: TextModel) -> int:
    """The short id of a model, as the ground's command names it."""
    return int.from_bytes(codec.model_id[:MODEL_ID_BYTES])
