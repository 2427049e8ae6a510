from __future__ import annotations

import asyncio
import threading
import time

import pytest

from service.problems import Refused
from service.worker import Worker


def test_works_run_one_after_the_other_off_the_event_loop() -> None:
    running, most, threads = 0, 0, set()

    def work() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        threads.add(threading.get_ident())
        time.sleep(0.01)
        running -= 1
        return 3

    async def run() -> list[int]:
        worker = Worker(10, 5.0)
        found = await asyncio.gather(*(worker.run(work) for _ in range(5)))
        assert worker.unfinished == 0
        return found

    assert asyncio.run(run()) == [3] * 5
    assert most == 1
    assert threads.isdisjoint({threading.get_ident()})
    assert len(threads) == 1


def test_more_than_may_wait_are_refused_until_there_is_room() -> None:
    async def run() -> None:
        worker, hold = Worker(2, 5.0), threading.Event()
        held = [asyncio.create_task(worker.run(hold.wait)) for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as caught:
            await worker.run(time.time)
        assert caught.value.status == 503
        assert 1 <= int((caught.value.headers or {})["Retry-After"]) <= 60
        hold.set()
        await asyncio.gather(*held)
        assert await worker.run(lambda: 1) == 1

    asyncio.run(run())


def test_a_work_that_takes_too_long_is_given_up_and_what_waits_behind_it_never_runs() -> None:
    async def run() -> None:
        worker, hold, ran = Worker(5, 0.05), threading.Event(), []
        asked = [worker.run(hold.wait), worker.run(lambda: ran.append(1))]
        for found in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(found, Refused)
            assert found.status == 503
        assert worker.unfinished == 1  # it still runs, and counts
        hold.set()
        assert await worker.run(lambda: "next") == "next"
        assert ran == []
        assert worker.unfinished == 0

    asyncio.run(run())


def test_an_error_of_the_work_reaches_the_caller() -> None:
    def fail() -> None:
        raise TimeoutError("of the work itself")

    with pytest.raises(TimeoutError, match="of the work itself"):
        asyncio.run(Worker(1, 5.0).run(fail))
