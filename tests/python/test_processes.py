"""Interpreters that end with requests under way, processes that fork, processes that share a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from origin import FOREVER, Page
from programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from origin import Origin

BEGIN = """
import asyncio, os, signal, sys, threading, time
from notmodified import Cache, ForkError, Session, SessionClosedError

async def asked():
    while not os.path.exists(sys.argv[3]):
        await asyncio.sleep(0.01)
"""

HANGING = {
    "the-loop-ends": """
async def main():
    session = Session(":memory:")
    await session.open()
    task = asyncio.create_task(session.get(sys.argv[1]))
    await asked()
asyncio.run(main())
""",
    "exit-is-called": """
async def leave():
    await asked()
    asyncio.get_running_loop().call_soon(sys.exit)
async def main():
    async with Session(sys.argv[2]) as session:
        task = asyncio.create_task(leave())
        await session.get(sys.argv[1])
asyncio.run(main())
""",
    "the-loop-is-left-open": """
loop = asyncio.new_event_loop()
session = Session(sys.argv[2])
async def main():
    await session.open()
    session.task = asyncio.ensure_future(session.get(sys.argv[1]))
    await asked()
loop.run_until_complete(main())
session.task.cancel()
loop.run_until_complete(asyncio.wait({session.task}))
loop.close()
""",
    "a-daemon-thread-waits": """
def wait():
    async def main():
        async with Session(sys.argv[2]) as session:
            await session.get(sys.argv[1])
    try:
        asyncio.run(main())
    except SessionClosedError:
        pass
threading.Thread(target=wait, daemon=True).start()
asyncio.run(asked())
""",
    "many-are-in-flight": """
async def main():
    session = Session(sys.argv[2])
    results = session.get_many(f"{sys.argv[1]}?{number}" for number in range(1000))
    task = asyncio.ensure_future(anext(results))
    await asked()
    task.cancel()
asyncio.run(main())
""",
    "it-is-interrupted": """
signal.signal(signal.SIGINT, signal.default_int_handler)
async def interrupt():
    await asked()
    # From a thread, so that it meets the loop where it waits and not this task, which nobody awaits.
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
async def main():
    async with Session(sys.argv[2]) as session:
        task = asyncio.create_task(interrupt())
        await session.get(sys.argv[1])
try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
else:
    sys.exit("not interrupted")
""",
}


@pytest.fixture
def hanging(origin: Origin, tmp_path: Path) -> tuple[str, str]:
    """Serve a URL that hangs, and name the file that is there as soon as somebody has asked for it."""
    marker = tmp_path / "asked"

    def answer(_: object) -> Iterator[float]:
        marker.touch()
        yield FOREVER

    return origin.on("/hang", answer), str(marker)


@pytest.mark.parametrize("name", HANGING)
def test_interpreter_with_requests_in_flight_ends_in_peace(hanging: tuple[str, str], store: Path, name: str) -> None:
    url, marker = hanging
    assert run(BEGIN + HANGING[name], url, str(store), marker).errors == ""


def test_exception_that_nobody_caught_is_told_and_ends_the_interpreter(hanging: tuple[str, str], store: Path) -> None:
    program = """
async def fail():
    await asked()
    waiting.cancel()
async def main():
    global waiting
    waiting = asyncio.current_task()
    async with Session(sys.argv[2]) as session:
        task = asyncio.create_task(fail())
        await session.get(sys.argv[1])
asyncio.run(main())
"""
    url, marker = hanging
    ended = run(BEGIN + program, url, str(store), marker, ends_with=1)
    assert "CancelledError" in ended.errors


def test_session_that_nobody_closed_keeps_what_it_stored(origin: Origin, store: Path) -> None:
    program = """
async def main():
    session = Session(sys.argv[2])
    print((await session.get(sys.argv[1])).outcome.value)
asyncio.run(main())
"""
    url = origin.on("/page.html", Page(b"one"))
    outcomes = [run(BEGIN + program, url, str(store)).output for _ in range(2)]
    assert outcomes == ["new\n", "not-modified\n"]


def test_cache_that_nobody_closed_keeps_what_it_stored(store: Path) -> None:
    program = """
plan = Cache(sys.argv[1]).plan("GET", "http://127.0.0.1/")
print(bool(plan.conditions))
plan.settle(200, {"ETag": '"1"'}, b"one") if not plan.conditions else plan.settle(304)
"""
    assert [run(BEGIN + program, str(store)).output for _ in range(2)] == ["False\n", "True\n"]


FORKING = {
    "session": """
async def main():
    async with Session(sys.argv[2]) as session:
        await session.get(sys.argv[1])
        pid = os.fork()
        if pid == 0:
            try:
                await session.get(sys.argv[1])
            except ForkError as error:
                print(error, flush=True)
                os._exit(7)
            os._exit(8)
        told = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        again = await session.get(sys.argv[1])
        print(told, again.outcome.value)
asyncio.run(main())
""",
    "cache": """
with Cache(sys.argv[2]) as cache:
    cache.plan("GET", sys.argv[1]).settle(200, {"ETag": '"1"'}, b"one")
    pid = os.fork()
    if pid == 0:
        try:
            cache.plan("GET", sys.argv[1])
        except ForkError as error:
            print(error, flush=True)
            os._exit(7)
        os._exit(8)
    told = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(told, cache.plan("GET", sys.argv[1]).settle(304).outcome.value)
""",
    "memory": """
async def main():
    async with Session(":memory:") as session:
        await session.get(sys.argv[1])
        pid = os.fork()
        if pid == 0:
            try:
                await session.get(sys.argv[1])
            except ForkError as error:
                print(error, flush=True)
                os._exit(7)
            os._exit(8)
        told = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(told, (await session.get(sys.argv[1])).outcome.value)
asyncio.run(main())
""",
}
# Python warns of forking with threads; that is what is tried here.
QUIET = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"


@pytest.mark.parametrize("name", FORKING)
def test_use_after_fork_is_refused_and_the_parent_goes_on(origin: Origin, store: Path, name: str) -> None:
    url = origin.on("/page.html", Page(b"one"))
    ended = run(QUIET + BEGIN + FORKING[name], url, str(store))
    *refusal, last = ended.output.splitlines()
    assert last == "7 not-modified"
    assert "fork" in " ".join(refusal)
    assert ended.errors == ""


def test_child_leaves_the_parents_store_alone_when_asked_what_is_at_hand(store: Path) -> None:
    program = """
tagged = [("ETag", '"1"')]
with Cache(sys.argv[1]) as cache:
    page = cache.plan("GET", "http://a/").settle(200, tagged, b"page")
    cache.flush()
    while not page.at_hand or page.outcome.value == "new":
        page = cache.plan("GET", "http://a/").settle(304, tagged)
    pid = os.fork()
    if pid == 0:
        # It can be read all the same: the store is opened anew for that, which takes its time.
        print(page.at_hand, page.content, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    print(page.at_hand, page.content)
"""
    ended = run(QUIET + "import os, sys\nfrom notmodified import Cache\n" + program, str(store))
    assert ended.output.splitlines() == ["False b'page'", "True b'page'"]
    assert ended.errors == ""


def test_child_is_refused_to_close_the_parents_session(origin: Origin, store: Path) -> None:
    program = """
async def main():
    async with Session(sys.argv[2]) as session:
        await session.get(sys.argv[1])
        pid = os.fork()
        if pid == 0:
            try:
                await session.close()
            except ForkError:
                os._exit(7)
            os._exit(8)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), (await session.get(sys.argv[1])).outcome.value)
asyncio.run(main())
"""
    ended = run(QUIET + BEGIN + program, origin.on("/page.html", Page(b"one")), str(store))
    assert ended.output == "7 not-modified\n"


def test_child_that_exits_in_the_usual_way_ends_in_peace(origin: Origin, store: Path) -> None:
    program = """
async def main():
    session = Session(sys.argv[2])
    await session.get(sys.argv[1])
    return session
session = asyncio.run(main())
pid = os.fork()
if pid == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    ended = run(QUIET + BEGIN + program, origin.on("/page.html", Page(b"one")), str(store))
    assert (ended.output, ended.errors) == ("7\n", "")


def test_child_opens_a_session_of_its_own(origin: Origin, store: Path) -> None:
    program = """
async def poll():
    async with Session(sys.argv[2]) as session:
        return (await session.get(sys.argv[1])).outcome.value
print(asyncio.run(poll()), flush=True)
pid = os.fork()
if pid == 0:
    print(asyncio.run(poll()), flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    ended = run(QUIET + BEGIN + program, origin.on("/page.html", Page(b"one")), str(store))
    assert ended.output == "new\nnot-modified\n0\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pool_of_processes_polls_over_one_store(origin: Origin, store: Path, tmp_path: Path, method: str) -> None:
    program = tmp_path / "pool.py"
    program.write_text("""
import asyncio, multiprocessing, sys
from notmodified import Session

async def poll(store, urls):
    async with Session(store) as session:
        return [(await session.get(url)).outcome.value for url in urls]

def work(task):
    return asyncio.run(poll(*task))

if __name__ == "__main__":
    store, method, *urls = sys.argv[1:]
    with multiprocessing.get_context(method).Pool(3) as pool:
        for _ in range(2):
            outcomes = pool.map(work, [(store, urls[start::3]) for start in range(3)])
            print(sorted(sum(outcomes, [])))
        pool.close()
        pool.join()
""")
    urls = [origin.on(f"/{number}", Page(str(number).encode())) for number in range(6)]
    source = f"import runpy, sys; sys.argv[0] = {str(program)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    ended = run(QUIET + source, str(store), method, *urls)
    assert ended.output.splitlines() == [repr(["new"] * 6), repr(["not-modified"] * 6)]
