"""What a driver says when the worker of its one piece of work has ended."""

from __future__ import annotations

from typing import Protocol, TypeVar

from payload.drivers.worker_process import WorkerProcess

WAIT_S = 60
Outcome = TypeVar("Outcome", covariant=True)


class _OneWork(Protocol[Outcome]):
    _worker: WorkerProcess

    def poll(self, now_ms: int) -> Outcome | None: ...


def outcome(process: _OneWork[Outcome]) -> Outcome:
    """Of the work that was started, at 1234 ms; it is said once."""
    assert process._worker.child is not None
    process._worker.child.wait(WAIT_S)
    found = process.poll(1234)
    assert found is not None
    assert process.poll(1235) is None
    return found
