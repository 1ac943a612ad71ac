"""Records on their way into the store, off the event loop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Literal, Self

from llmopt_core.execution.accounts import Account
from llmopt_core.runs.store import Store
from llmopt_core.types import Record, Usage
from llmopt_core.types.grouping import group_values

_Item = tuple[int, int, Record, "Future[None]"]


class RecordSaver:
    """Writes records in a thread of its own, many in one transaction where they come fast.

    Leaving the context waits until everything is stored, and raises why it could not be.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: queue.SimpleQueue[_Item | Literal["paid"] | None] = queue.SimpleQueue()
        self._spending: dict[int, tuple[Usage, Mapping[str, float], Usage]] = {}
        self._lock = threading.Lock()
        self._problem: BaseException | None = None
        # A daemon: should the event loop die without leaving the context, it must not keep the process alive.
        self._thread = threading.Thread(target=self._write, name="record-saver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        self.check()

    @property
    def has_failed(self) -> bool:
        """Whether the workspace could not be written; nothing more is stored then."""
        return self._problem is not None

    def check(self) -> None:
        """Raise what went wrong, if something did."""
        if self._problem is not None:
            raise self._problem

    def put(self, run_id: int, position: int, record: Record) -> Future[None]:
        """Keep a record of a run. The future is done once it is stored, or is not going to be."""
        future: Future[None] = Future()
        self._queue.put((run_id, position, record, future))
        return future

    def put_spending(self, run_id: int, account: Account, dearest: Mapping[str, float]) -> None:
        """Keep what was paid for a run so far, and what is under way; of what comes fast the last is enough."""
        with self._lock:
            is_waiting = run_id in self._spending
            self._spending[run_id] = (account.usage, dearest, account.flying)
        # One mark in the queue is enough: the writer takes what is newest then.
        if not is_waiting:
            self._queue.put("paid")

    def _write(self) -> None:
        while True:
            batch = [self._queue.get()]
            # All that came during the last transaction goes into the next: the slower the disk, the more at once.
            while not self._queue.empty():
                batch.append(self._queue.get())
            items = [item for item in batch if isinstance(item, tuple)]
            try:
                if self._problem is None:
                    self._save(items)
            # Kept for `check`: raised here, it would end this thread and be seen by nobody.
            except BaseException as error:
                self._problem = error
            # Done also where it failed: whoever waits goes on, and meets the reason in `check`.
            for *_, future in items:
                # A caller that was cancelled meanwhile has cancelled its future.
                if future.set_running_or_notify_cancel():
                    future.set_result(None)
            if None in batch:
                return

    def _save(self, items: Iterable[_Item]) -> None:
        by_run = group_values((run_id, (position, record)) for run_id, position, record, _ in items)
        for run_id, records in by_run.items():
            self._store.save_records(run_id, records)
        with self._lock:
            spending, self._spending = self._spending, {}
        for run_id, (usage, dearest, flying) in spending.items():
            self._store.save_spending(run_id, usage, dearest, flying)
