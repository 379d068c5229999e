"""`scrapy notmodified stats|list|forget`: real `scrapy` processes over real stores."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pytest
from scrapy.cmdline import execute

from notmodified import Cache
from notmodified.scrapy import inventory
from origin import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crawls.environments import Environment
    from origin import Origin

SETTINGS = """
BOT_NAME = "shop"
SPIDER_MODULES = ["shop.spiders"]
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
"""

SPIDER = """
import scrapy


class Shop(scrapy.Spider):
    name = "shop"
    start_urls = {urls!r}

    def parse(self, response):
        yield {{"url": response.url}}
"""

# Runs a command, and says afterwards whether it made a reactor.
WITHOUT_REACTOR = """
import sys
from scrapy.cmdline import execute
try:
    execute(["scrapy", *sys.argv[1:]])
except SystemExit as ended:
    print(ended.code, "twisted.internet.reactor" in sys.modules)
"""

# Runs a command that hears when it is interrupted, as it does at a terminal; started in the background, it does not.
INTERRUPTIBLE = """
import signal, sys
from scrapy.cmdline import execute
signal.signal(signal.SIGINT, signal.default_int_handler)
execute(["scrapy", *sys.argv[1:]])
"""

# Stores pages until its input ends.
STORING = """
import sys, threading
from notmodified import Cache
threading.Thread(target=lambda: (sys.stdin.read(), done.set())).start()
done, number = threading.Event(), 0
with Cache(sys.argv[1]) as cache:
    while not done.is_set():
        number += 1
        cache.plan("GET", f"http://comes/{number % 2000}").settle(200, {"ETag": '"1"'}, b"%d" % number)
        print(number, flush=True) if number == 100 else None
"""


def keep(cache: Cache, url: str, content: bytes = b"page", tag: str = '"tag"', **options: Any) -> None:  # noqa: ANN401
    """Have a page answered whole, and stored."""
    cache.plan("GET", url, **options).settle(200, {"ETag": tag}, content)


@pytest.fixture
def filled(store: Path) -> Path:
    """A store with some pages of two hosts."""
    with Cache(store) as cache:
        for number in range(3):
            keep(cache, f"http://a.example/{number}", b"x" * 1000)
        keep(cache, "https://b.example:8443/", b"y" * 50_000, 'W/"b"')
    return store


class Done(NamedTuple):
    """What a command came to."""

    status: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """What it wrote; nothing may have been wrong."""
        assert (self.status, self.errors) == (0, "")
        return self.output.splitlines()


def run(project: Path, python: Path | str, *arguments: str) -> Done:
    """Run `scrapy` to its end, in a process of its own."""
    line = [str(python), "-m", "scrapy", *arguments]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)  # noqa: S603
    return Done(done.returncode, done.stdout, done.stderr)


Command: TypeAlias = "Callable[..., Done]"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `scrapy notmodified` here, in an empty directory: a process for each would cost a second."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    def run_here(*arguments: str | Path) -> Done:
        with pytest.raises(SystemExit) as ended:
            execute(["scrapy", "notmodified", *map(str, arguments)])
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, *capsys.readouterr())

    return run_here


def write_project(project: Path, urls: list[str], environment: Environment) -> None:
    """Write a Scrapy project with a spider that fetches these URLs."""
    spiders = project / "shop" / "spiders"
    spiders.mkdir(parents=True)
    (project / "scrapy.cfg").write_text("[settings]\ndefault = shop.settings\n")
    for package in (project / "shop", spiders):
        (package / "__init__.py").touch()
    enabling = "".join(f"{name} = {value!r}\n" for name, value in environment.settings({}).items())
    (project / "shop" / "settings.py").write_text(SETTINGS + enabling)
    (spiders / "shop.py").write_text(SPIDER.format(urls=urls))


@pytest.mark.timeout(180)
def test_project_looks_into_the_store_of_its_crawls(environment: Environment, origin: Origin, tmp_path: Path) -> None:
    urls = [origin.on(f"/{name}", Page(b"<html>one</html>")) for name in ("a", "b", "c")]
    project, python = tmp_path / "project", environment.python
    write_project(project, urls, environment)
    early = run(project, python, "notmodified", "list")

    run(project, python, "crawl", "shop", "--nolog")
    listed = run(project / "shop", python, "notmodified", "list").lines
    total, host = map(json.loads, run(project, python, "notmodified", "stats", "--json").lines)
    gone = run(project, python, "notmodified", "forget", urls[1]).lines
    run(project, python, "crawl", "shop", "--nolog")

    assert (early.status, early.output) == (1, "")
    assert early.errors.startswith(f"scrapy notmodified: there is no store in {project}/.scrapy/notmodified; name the")
    assert early.errors.count("\n") == 1
    assert sorted(line.split("\t")[4] for line in listed) == urls
    assert (total["urls"], total["responses"], total["body_bytes"]) == (3, 3, 48)
    assert host == {"host": f"127.0.0.1:{origin.port}", "urls": 3, "responses": 3, "body_bytes": 48}
    assert gone == ["forgot 1 URL"]
    asked = {request.path: request.has_condition() for request in origin.log[-3:]}
    assert asked == {"/a": True, "/b": False, "/c": True}


def test_command_is_among_scrapys_and_starts_no_reactor(environment: Environment, filled: Path, tmp_path: Path) -> None:
    line = [str(environment.python), "-c", WITHOUT_REACTOR, "notmodified", "stats", "--store", str(filled)]

    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.splitlines()[-1] == "0 False"
    assert "  notmodified   Look into the store" in run(tmp_path, environment.python).output


def test_stats_tell_how_much_is_stored_and_by_whom(command: Command, filled: Path) -> None:
    lines = command("stats", "--store", filled).lines

    size = (filled / "data.mdb").stat().st_size
    assert lines[:5] == [
        f"store      {filled}",
        "URLs       4",
        "responses  4",
        "bodies     53.0 KB",
        f"file       {inventory.size(size)}",
    ]
    assert [line.split() for line in lines[6:]] == [
        ["URLs", "responses", "bodies", "host"],
        ["1", "1", "50.0", "KB", "b.example:8443"],
        ["3", "3", "3.0", "KB", "a.example"],
    ]
    assert len(command("stats", "--store", filled, "--host", "https://b.example:8443").lines) == 8


def test_stats_of_many_hosts_fit_a_screen_and_tell_the_rest(command: Command, store: Path) -> None:
    with Cache(store) as cache:
        for number in range(50):
            keep(cache, f"http://host{number:02}/", b"x" * (1000 - number))
    lines = command("stats", "--store", store).lines

    assert len(lines) == 5 + 1 + 1 + 20 + 1
    assert lines[-2].endswith("host19")
    assert lines[-1].split() == ["30", "of", "30", "hosts", "more", "(--json", "has", "all)"]
    assert len(command("stats", "--store", store, "--json").lines) == 51


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ([], 4),
        (["http://a.example/"], 3),
        (["HTTP://user:hunter2@A.example/1"], 1),
        (["http://b.example"], 0),
        (["--host", "b.example"], 1),
        (["--host", "http://a.example:80"], 3),
    ],
)
def test_only_what_is_meant_is_listed(command: Command, filled: Path, selected: list[str], expected: int) -> None:
    assert len(command("list", "--store", filled, *selected).lines) == expected


def test_piped_list_is_plain_columns(command: Command, store: Path) -> None:
    with Cache(store) as cache:
        keep(cache, "http://a.example/", b"12345", 'W/"a"', identity="hunter2")
        cache.plan("GET", "http://a.example/dated").settle(
            200, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"1"
        )

    lines = sorted((line.split("\t") for line in command("list", "--store", store).lines), key=lambda line: line[4])

    status, size, age, validator, url, method, partition = lines[0]
    assert (status, size, validator, url, method) == ("200", "5", 'W/"a"', "http://a.example/", "GET")
    assert 0 <= int(age) < 60
    assert len(partition) == 8
    assert (lines[1][3], lines[1][6]) == ("Sun, 06 Nov 1994 08:49:37 GMT", "-")


def test_list_on_a_terminal_is_aligned_and_has_a_head(filled: Path) -> None:
    with Cache(filled) as cache:
        keep(cache, "http://c.example/", b"z", f'"{"t" * 60}"', identity="me")
    master, slave = pty.openpty()
    line = [sys.executable, "-m", "scrapy", "notmodified", "list", "--store", str(filled)]
    with subprocess.Popen(line, stdout=slave) as running:  # noqa: S603
        os.close(slave)
        written = b"".join(read(master))
    lines = written.decode().splitlines()

    assert running.returncode == 0
    assert lines[0].split() == ["status", "size", "age", "validator", "URL"]
    at = lines[0].index("URL")
    assert {line[at:].split(" ")[0] for line in lines[1:]} >= {"http://a.example/0", "https://b.example:8443/"}
    (ours,) = [line for line in lines if "c.example" in line]
    assert "ttt...  http://c.example/  (identity " in ours


def read(terminal: int) -> Iterator[bytes]:
    """Read until the other side is closed, which Linux calls an error."""
    try:
        while part := os.read(terminal, 4096):
            yield part
    except OSError:
        os.close(terminal)


def test_json_has_all_that_is_known(command: Command, filled: Path) -> None:
    (entry,) = map(json.loads, command("list", "--store", filled, "--json", "--host", "b.example").lines)

    (response,) = entry.pop("responses")
    assert {name: entry[name] for name in ("url", "method", "partition", "acknowledgements")} == {
        "url": "https://b.example:8443/",
        "method": "GET",
        "partition": None,
        "acknowledgements": 0,
    }
    assert (response["status"], response["size"], response["etag"], response["last_modified"]) == (
        200,
        50_000,
        'W/"b"',
        None,
    )
    assert response["received_at"].endswith("+00:00")


def test_validator_that_would_move_the_cursor_is_escaped(command: Command, store: Path) -> None:
    with Cache(store) as cache:
        keep(cache, "http://a.example/", b"1", '"\x9b2J\xe9"')

    (line,) = command("list", "--store", store).lines

    assert line.split("\t")[3] == r'"\x9b2J\xe9"'


def test_forgetting_says_how_many_and_forgets_no_others(command: Command, filled: Path) -> None:
    assert command(
        "forget", "--store", filled, "http://a.example/1", "http://a.example/2#x", "http://a.example/9"
    ).lines == ["forgot 2 URLs"]
    assert command("forget", "--store", filled, "--host", "b.example", "--json").lines == ['{"forgotten": 1}']
    assert [line.split("\t")[4] for line in command("list", "--store", filled).lines] == ["http://a.example/0"]
    assert command("forget", "--store", filled, "--all").lines == ["forgot 1 URL"]
    assert command("list", "--store", filled).lines == []


def test_identity_and_proxy_are_forgotten_by_name(command: Command, store: Path) -> None:
    proxy = "http://user:hunter2@proxy.example:3128"
    with Cache(store) as cache:
        for name, way in (("shop-7", None), ("shop-8", None), (None, proxy)):
            plan = cache.plan("GET", "http://a.example/", identity=name, proxy=way)
            plan.settle(200, {"Cache-Control": "max-age=9"}, b"page")

    assert command("forget", "--store", store, "--identity", "shop-9").lines == ["forgot 0 URLs"]
    assert command("forget", "--store", store, "--identity", "shop-7").lines == ["forgot 1 URL"]
    assert command("forget", "--store", store, "--proxy", proxy).lines == ["forgot 1 URL"]

    with Cache(store) as cache:
        assert cache.forget(identity="shop-8") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "nothing is said to do; say stats, list or forget"),
        (["lst"], 2, "'lst' is nothing it can do; say stats, list or forget"),
        (["list", "--jsn"], 2, "unknown option --jsn"),
        (["stats", "http://a.example/"], 2, "stats takes no URL; give --host HOST, or list URL-PREFIX"),
        (["list", "http://user:hunter2@a/", "http://b/"], 2, "list takes one URL-PREFIX"),
        (["list", "http://a/", "--host", "a"], 2, "list takes one URL-PREFIX, or --host HOST, or neither"),
        (["list", "a.example"], 2, "URL-PREFIX has no scheme; write it as http://example.com/some/path"),
        (["list", "--all"], 2, "--all is for forget"),
        (["forget"], 2, "forget takes URLs, or --host HOST, --identity NAME, --proxy URL, or --all"),
        (["forget", "--all", "http://a.example/0"], 2, "--proxy URL, or --all, and no two"),
        (
            ["forget", "--all", "--host", "a.example"],
            2,
            "forget takes URLs, or --host HOST, --identity NAME, --proxy URL, or --all",
        ),
        (["forget", "--identity", "a", "--proxy", "http://a:1"], 2, "--proxy URL, or --all, and no two"),
        (["forget", "--proxy", "http://user:hunter2@"], 2, "is not a URL; write it as http://user:password@host:port"),
        (["list", "--identity", "a"], 2, "--identity and --proxy are for forget"),
        (["forget", "http://a.example/0", "a.example/1"], 2, "write it as http://host/path"),
        (["forget", "--host", "a.example/1"], 2, '"a.example/1" is no host'),
        (["list", "-s", "NOTMODIFIED_STORE=:memory:"], 2, "NOTMODIFIED_STORE is ':memory:', which ends with its crawl"),
        (["list", "--store", ":memory:"], 2, "--store ':memory:' is no directory"),
        (["list", "-s", "NOTMODIFIED_STORE="], 1, "NOTMODIFIED_STORE is ''; it must be the path of a directory"),
        (["list", "-s", "NOTMODIFIED_STOER=x"], 1, "Unknown setting NOTMODIFIED_STOER. Did you mean NOTMODIFIED_STORE"),
        (["list", "-s", "NOTMODIFIED_MAX_BODY=-1"], 1, "NOTMODIFIED_MAX_BODY is '-1'; it must be a number of bytes"),
        (
            ["list", "-s", "NOTMODIFIED_STORE=elsewhere"],
            1,
            "there is no store in .scrapy/elsewhere; name the directory",
        ),
        (["stats", "--store", "elsewhere"], 1, "there is no store in elsewhere; name the directory of one (--store"),
        (["forget", "--all", "--store", "."], 1, "there is no store in .; name the directory of one (--store"),
    ],
)
def test_what_is_wrong_is_one_line_with_a_remedy_and_nothing_is_done(
    command: Command, filled: Path, arguments: list[str], status: int, said: str
) -> None:
    place = [] if "--store" in arguments or "-s" in arguments else ["--store", str(filled)]

    done = command(*arguments, *place)

    assert (done.status, done.output) == (status, "")
    assert done.errors.startswith("scrapy notmodified: ")
    assert said in done.errors
    assert done.errors.count("\n") == 1
    assert "hunter2" not in done.errors
    assert list(Path.cwd().iterdir()) == []
    with Cache(filled, create=False) as cache:
        assert len(list(cache.entries())) == 4


def test_store_of_a_switched_off_project_can_be_looked_into(command: Command, filled: Path) -> None:
    off = ["-s", "NOTMODIFIED_ENABLED=False", "-s", "HTTPCACHE_ENABLED=True", "-s", f"NOTMODIFIED_STORE={filled}"]

    assert len(command("list", *off).lines) == 4


@pytest.mark.parametrize("status", [0, 130])
def test_reader_that_has_read_enough_and_interruption_end_it_quietly(store: Path, status: int) -> None:
    with Cache(store, durability="relaxed") as cache:
        for number in range(3000):
            keep(cache, f"http://a.example/{number}/{'x' * 200}", b"x")
    line = [sys.executable, "-c", INTERRUPTIBLE, "notmodified", "list", "--store", str(store)]

    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:  # noqa: S603
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith("200\t")
        if status == 130:
            # It has more to say than a pipe holds, and nobody reads.
            running.send_signal(signal.SIGINT)
            running.wait()
        running.stdout.close()
        errors = running.stderr.read()

    assert (running.returncode, errors) == (status, "")


def test_store_that_is_written_to_meanwhile_is_listed_and_forgotten(command: Command, filled: Path) -> None:
    line = [sys.executable, "-c", STORING, str(filled)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writing:  # noqa: S603
        assert writing.stdout is not None
        assert writing.stdout.readline() == "100\n"
        listed = command("list", "--store", filled).lines
        gone = command("forget", "--store", filled, "--host", "a.example").lines
        left = command("list", "--store", filled, "--host", "a.example").lines

    assert writing.returncode == 0
    urls = [line.split("\t")[4] for line in listed]
    assert len(urls) == len(set(urls))
    assert sum("a.example" in url for url in urls) == 3
    assert (gone, left) == (["forgot 3 URLs"], [])


def test_damaged_record_is_told_and_the_rest_is_listed(command: Command, filled: Path) -> None:
    data = filled / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"a.example/1", b"A.example/1"))

    done = command("list", "--store", filled)

    assert (done.status, len(done.output.splitlines())) == (0, 3)
    assert done.errors == "scrapy notmodified: 1 record cannot be read (damaged, or of another version), left out\n"


def test_damaged_file_is_told(command: Command, filled: Path) -> None:
    data = filled / "data.mdb"
    data.write_bytes(b"x" * data.stat().st_size)

    done = command("stats", "--store", filled)

    assert done.status == 0
    assert "URLs       0" in done.output
    assert done.errors.count("\n") == 1
    assert "data.mdb.damaged" in done.errors


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (999_949, "999.9 KB"), (999_950, "1.0 MB"), (10**15, "1000.0 TB")],
)
def test_size_is_written_for_a_person(count: int, written: str) -> None:
    assert inventory.size(count) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (7_200, "2h"), (86_400, "1d")]
)
def test_age_is_written_for_a_person(seconds: int, written: str) -> None:
    assert inventory.duration(seconds) == written
