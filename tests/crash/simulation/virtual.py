"""Virtual time: an event loop whose clock jumps to the next timer when nothing is runnable, and machines that can die on it.

Nothing here looks at a real clock, a socket or another thread: what ran once runs again the same way.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any, Final

MOST_STEPS: Final = 300_000
"""A run that takes more never ends."""

MACHINE: contextvars.ContextVar[int] = contextvars.ContextVar("machine", default=0)
"""Whose a callback is: 0 is the world around, every start of the engine is a machine of its own."""


class Stuck(Exception):
    """Nothing is runnable and nothing will ever be, or it runs in circles."""


class Told(asyncio.Task[Any]):
    """A task that knows its place in the order of all tasks, so that sets of tasks have an order as well."""

    def __init__(self, number: int, machine: int, coro: Coroutine[Any, Any, Any], **more: Any) -> None:
        self.number = number
        self.machine = machine
        self.coro = coro
        self._log_destroy_pending = False
        super().__init__(coro, **more)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """One callback at a time. What belongs to a dead machine is never run again; `after_each` looks on between callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.steps = 0
        self.dead: set[int] = set()
        self.tasks: list[Told] = []
        self.after_each: Callable[[], None] = lambda: None
        self.read_delay: Callable[[], float] = lambda: 0.0
        self.troubles: list[str] = []
        """What nobody heard of tasks that lived."""
        self.last_words: list[str] = []
        """How tasks ended that were let go of."""
        self.set_task_factory(self._told)
        self.set_exception_handler(self._trouble)

    def time(self) -> float:
        return self.now

    def _told(self, loop: Any, coro: Any, **more: Any) -> Told:
        context = more.get("context") or contextvars.copy_context()
        task = Told(len(self.tasks) + 1, context.get(MACHINE, 0), coro, loop=loop, **more)
        self.tasks.append(task)
        return task

    def _trouble(self, loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.troubles.append(f"{context['message']}: {type(error).__name__ if error else ''}")

    def _run_once(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Stuck("it takes steps without an end")
        if not self._ready:
            self._to_next_timer()
        handle = self._ready.popleft()
        if not handle._cancelled and handle._context.get(MACHINE, 0) not in self.dead:
            handle._run()
            self.after_each()

    def _to_next_timer(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled:
            raise Stuck("everybody waits for somebody else")
        self.now = max(self.now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self.now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._ready.append(handle)

    def _timer_handle_cancelled(self, handle: Any) -> None:
        """A cancelled timer is left where it is and passed over when its time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Work for another thread is done here, a moment later."""
        future = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                result = func(*args)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        take = getattr(executor, "take", None)
        self.call_later(self.read_delay(), take(work) if take else work)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    # machines

    def on(self, machine: int) -> contextvars.Context:
        """The context in which callbacks are a machine's."""
        context = contextvars.copy_context()
        context.run(MACHINE.set, machine)
        return context

    def kill(self, machine: int) -> None:
        """From now on nothing of that machine runs; what it was at is let go of where it stood."""
        self.dead.add(machine)
        for task in self.tasks:
            if task.machine == machine and not task.done():
                self._let_go(task)

    def _let_go(self, task: Told) -> None:
        context = self.on(task.machine)
        try:
            context.run(task.coro.close)
        except Exception as last_words:  # it waits in its `finally`, or dies of what it does there: nobody is there to hear it
            self.last_words.append(type(last_words).__name__)
