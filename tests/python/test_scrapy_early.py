"""NOTMODIFIED_STOP_EARLY: of a page that is the stored one by its header section, no more is downloaded."""

from __future__ import annotations

import gzip
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from crawls import Crawled, crawl, crawl_apart, request
from origin import Gate, Reply, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import ServeNginx
    from origin import Handler, Origin, Request, Script

pytestmark = pytest.mark.usefixtures("environment")
MIB = 1 << 20
LARGE = b"<html>" + Random(1).randbytes(MIB - 6).hex().encode()[: MIB - 6]
OTHER = b"<html>" + bytes(MIB - 6)
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
FIELDS = {"ETag": '"1"', "Last-Modified": DATE, "Content-Type": "text/html"}
PIECE = 1 << 16
EARLY: dict[str, Any] = {"NOTMODIFIED_STOP_EARLY": True}


def reply(body: bytes = LARGE, status: int = 200, **fields: str) -> Reply:
    """A large page of an origin that never looks at conditions."""
    lines = {**FIELDS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return Reply(status, [(name, value) for name, value in lines.items() if value], body)


def trickling(whole: Reply, opened: Gate | None = None) -> Handler:
    """Send it piece by piece, with pauses; of the body only the beginning before the gate is opened."""

    def answer(received: Request) -> Script:
        head, *pieces = [step for step in whole.steps(received.method) if isinstance(step, bytes)]
        yield head
        for number, piece in enumerate(pieces):
            yield opened if opened is not None and number else 0.005
            yield piece

    return answer


def stopped(url: str, store: Path, **settings: Any) -> Crawled:  # noqa: ANN401
    """Crawl a page with the setting on."""
    return crawl([url], store=store, **EARLY, **settings)


def test_known_page_comes_out_of_the_store_and_is_not_sent_to_its_end(origin: Origin, store: Path) -> None:
    never = Gate()
    url = origin.on("/page.html", sequence(reply(), trickling(reply(), never)))
    first = stopped(url, store)

    second = stopped(url, store)

    assert origin.last.has_condition()
    # The header section and the first piece; for the next, the origin would wait for ever.
    assert origin.last.sent < 2 * PIECE
    assert second.page["body"].encode("latin-1") == LARGE
    assert second.page["flags"] == ["notmodified"]
    assert second.page["class"] == "HtmlResponse"
    assert second.page["status"] == 200
    told = {"outcome": "stopped-early", "changed": False, "not_modified": False}
    assert second.page["meta"]["notmodified"] == told
    assert second.stats["notmodified/outcome/stopped-early"] == 1
    assert second.stats["notmodified/wire_bytes"] == second.stats["downloader/response_bytes"] < 1000
    saved = first.stats["notmodified/wire_bytes"] - second.stats["notmodified/wire_bytes"]
    assert second.stats["notmodified/bytes_saved"] == saved
    assert "notmodified/not_modified" not in second.stats


def test_page_that_is_sent_again_and_again_costs_little_more_than_its_header_section(
    origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", sequence(reply(), *[trickling(reply())] * 4))
    bodies = {stopped(url, store).page["body"] for _ in range(4)}
    assert len(bodies) == 1
    origin.wait_until(lambda: origin.open_connections == 0)
    assert [received.sent > MIB for received in origin.log] == [True, False, False, False]
    assert all(received.sent < MIB // 4 for received in origin.log[1:])


def test_without_the_setting_the_page_is_downloaded(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply())
    crawl([url], store=store)
    second = crawl([url], store=store)
    assert second.page["meta"]["notmodified"]["outcome"] == "same-content"
    assert second.stats["notmodified/wire_bytes"] > MIB


@pytest.mark.parametrize(
    "other",
    [
        reply(OTHER, ETag='"2"'),
        reply(OTHER, ETag='W/"1"'),
        reply(OTHER, ETag=""),
        reply(OTHER, Last_Modified="Mon, 07 Nov 1994 08:49:37 GMT"),
        reply(OTHER, Last_Modified=""),
        reply(OTHER + b"x"),
        Reply(200, list(FIELDS.items()), OTHER, chunked=True),
        reply(OTHER, Cache_Control="no-store"),
    ],
    ids=["tag", "weak", "no-tag", "date", "no-date", "length", "chunked", "no-store"],
)
def test_page_that_may_be_another_is_downloaded_to_its_end(other: Reply, origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(reply(), other))
    stopped(url, store)
    second = stopped(url, store)
    assert second.page["body"].encode("latin-1") == other.body
    assert second.page["flags"] == []
    assert len(origin.log) == 2


@pytest.mark.parametrize("tag", ['W/"1"', ""], ids=["weak", "none"])
def test_page_without_a_strong_tag_is_downloaded_each_time(tag: str, origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply(ETag=tag))
    stopped(url, store)
    assert stopped(url, store).page["meta"]["notmodified"]["outcome"] == "same-content"


def test_small_page_is_downloaded_and_its_connection_kept(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply(LARGE[:200_000]))
    stopped(url, store)
    again = [request(url, dont_filter=True)] * 3
    assert stopped_outcomes(crawl(again, store=store, **EARLY)) == ["same-content"] * 3
    assert origin.connections == 2


def stopped_outcomes(crawled: Crawled) -> list[str]:
    """What became of each page."""
    return [page["meta"]["notmodified"]["outcome"] for page in crawled.items]


def test_coded_page_is_stopped_and_decoded(origin: Origin, store: Path) -> None:
    coded = reply(gzip.compress(LARGE, 0), Content_Encoding="gzip")
    url = origin.on("/page.html", sequence(coded, trickling(coded)))
    stopped(url, store)
    second = stopped(url, store)
    assert stopped_outcomes(second) == ["stopped-early"]
    assert second.page["body"].encode("latin-1") == LARGE
    plain = origin.on("/plain.html", sequence(coded, reply(coded.body)))
    stopped(plain, store)
    assert stopped(plain, store).page["body"].encode("latin-1") == coded.body


@pytest.mark.parametrize("status", [206, 404, 500, 503])
def test_answer_that_turns_out_to_be_no_page_is_asked_for_again_and_downloaded(
    status: int, origin: Origin, store: Path
) -> None:
    url = origin.on("/page.html", sequence(reply(), reply(OTHER, status), reply(OTHER, status), reply()))
    stopped(url, store)

    second = crawl([request(url, meta={"handle_httpstatus_all": True})], store=store, **EARLY)

    assert second.page["status"] == status
    assert second.page["body"].encode("latin-1") == OTHER
    assert second.page["flags"] == []
    assert second.stats["notmodified/resends"] == 1
    assert second.stats["notmodified/requests"] == 2
    assert [received.has_condition() for received in origin.log] == [False, True, False]
    # It has not taken the place of the page.
    assert stopped(url, store).page["body"].encode("latin-1") == LARGE


def test_error_that_is_gone_when_it_is_asked_for_again_is_no_error(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(reply(), reply(OTHER, 500), reply(OTHER, ETag='"2"')))
    stopped(url, store)
    second = stopped(url, store, RETRY_ENABLED=True, RETRY_TIMES=2)
    assert second.page["body"].encode("latin-1") == OTHER
    assert stopped_outcomes(second) == ["changed"]
    assert "retry/count" not in second.stats


def test_second_answer_out_of_a_disk_queue_is_downloaded_to_its_end(
    origin: Origin, store: Path, tmp_path: Path
) -> None:
    url = origin.on("/page.html", sequence(reply(), reply(OTHER, 500), reply()))
    stopped(url, store)
    second = stopped(url, store, JOBDIR=str(tmp_path / "job"))
    assert second.page["body"].encode("latin-1") == LARGE
    assert len(origin.log) == 3


def test_page_that_is_wanted_whole_is_downloaded_to_its_end(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(reply(), reply(OTHER)))
    stopped(url, store)
    whole = crawl([request(url, meta={"notmodified_full": True})], store=store, **EARLY)
    assert whole.page["body"].encode("latin-1") == OTHER
    assert stopped_outcomes(whole) == ["changed"]
    # What lied once is not believed again.
    assert stopped_outcomes(stopped(url, store)) == ["same-content"]


def test_request_with_a_range_or_a_condition_of_its_own_is_left_alone(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply())
    stopped(url, store)
    for headers in ({"Range": "bytes=0-"}, {"If-None-Match": '"0"'}):
        own = crawl([request(url, headers=headers)], store=store, **EARLY)
        assert own.page["body"].encode("latin-1") == LARGE
        assert own.page["flags"] == []


def test_page_whose_stored_body_is_damaged_is_downloaded_whole(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply())
    stopped(url, store)
    damage(store, LARGE[MIB // 2 : MIB // 2 + 1000])

    second = stopped(url, store)

    assert second.page["body"].encode("latin-1") == LARGE
    assert second.page["flags"] == []
    assert second.stats["notmodified/resends"] == 1
    assert stopped_outcomes(stopped(url, store)) == ["stopped-early"]


def damage(store: Path, piece: bytes) -> None:
    """Overwrite these bytes wherever they lie in the store."""
    found = 0
    for file in store.rglob("*.mdb"):
        data = file.read_bytes()
        found += data.count(piece)
        file.write_bytes(data.replace(piece, bytes(len(piece))))
    assert found


def test_stopped_page_that_cannot_be_settled_is_downloaded_whole(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply())
    stopped(url, store)
    spoilt = stopped(url, store, DOWNLOADER_MIDDLEWARES={"crawls.middlewares.Spoiling": 900})
    assert spoilt.page["body"].encode("latin-1") == LARGE
    assert spoilt.page["flags"] == []
    assert spoilt.stats["notmodified/errors"] == 2
    assert len(origin.log) == 3


def test_request_that_nobody_can_copy_is_downloaded_to_its_end(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", sequence(reply(), reply(OTHER, 500)))
    stopped(url, store)
    own = request(url, meta={"handle_httpstatus_all": True})
    second = crawl([own], store=store, spider="again.StubbornSpider", **EARLY)
    assert (second.page["status"], len(second.page["body"])) == (500, MIB)
    assert second.page["flags"] == []


def test_somebody_elses_stopped_page_is_handed_on_as_it_is_and_not_stored(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", trickling(reply()))
    stopping = {"EXTENSIONS": {"crawls.stopping.Stopping": 1}}

    cut = stopped(url, store, **stopping)

    assert cut.page["flags"] == ["download_stopped"]
    assert 0 < len(cut.page["body"]) < MIB
    assert stopped_outcomes(cut) == ["passed"]
    assert stopped_outcomes(stopped(url, store)) == ["new"]
    # Ours comes first: what is known needs no byte of the body.
    assert stopped_outcomes(stopped(url, store, **stopping)) == ["stopped-early"]


def test_somebody_elses_stop_that_fails_the_request_fails_it(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", trickling(reply()))
    failing = {"EXTENSIONS": {"crawls.stopping.Failing": 1}}
    failed = crawl([url], store=store, spider="ErringSpider", **EARLY, **failing)
    assert "notmodified" not in failed.page["meta"]
    assert "status" not in failed.page
    assert stopped_outcomes(stopped(url, store)) == ["new"]


def test_other_handlers_of_the_signals_keep_working(origin: Origin, store: Path) -> None:
    url = origin.on("/page.html", reply())
    counting = {"EXTENSIONS": {"crawls.stopping.Counting": 1}}
    first = stopped(url, store, **counting)
    second = stopped(url, store, **counting)
    assert (first.stats["counting/headers"], first.stats["counting/bytes"]) == (1, MIB)
    assert (second.stats["counting/headers"], second.stats.get("counting/bytes")) == (1, None)


@pytest.mark.scrapy(since=(2, 14), reason="`engine.download_async` is new there")
def test_media_are_stopped_like_pages(origin: Origin, store: Path) -> None:
    url = origin.on("/file", reply())
    origin.on("/file?file", sequence(reply(), trickling(reply())))
    first = crawl([url], store=store, spider="FetchingSpider", **EARLY)
    second = crawl([url], store=store, spider="FetchingSpider", **EARLY)
    assert [len(crawled.page["body"]) for crawled in (first, second)] == [MIB, MIB]
    assert second.page["flags"] == ["notmodified", "cached"]


@pytest.mark.scrapy(since=(2, 19), reason="the first that reads by aiohttp where there is no reactor")
def test_known_page_is_stopped_without_a_reactor(origin: Origin, store: Path) -> None:
    is_stopped_in_processes_of_its_own(origin, store, {"TWISTED_REACTOR_ENABLED": False})


def test_known_page_is_stopped_under_another_reactor(origin: Origin, store: Path) -> None:
    reactor = "twisted.internet.selectreactor.SelectReactor"
    is_stopped_in_processes_of_its_own(origin, store, {"TWISTED_REACTOR": reactor})


def is_stopped_in_processes_of_its_own(origin: Origin, store: Path, settings: dict[str, Any]) -> None:
    """Crawl a page twice."""
    url = origin.on("/page.html", sequence(reply(), trickling(reply(), Gate())))
    crawl_apart([url], store=store, **EARLY, **settings)
    second = crawl_apart([url], store=store, **EARLY, **settings)
    assert second is not None
    assert stopped_outcomes(second) == ["stopped-early"]
    assert second.page["body"].encode("latin-1") == LARGE
    assert second.stats["notmodified/wire_bytes"] < 1000
    assert origin.last.sent < 2 * PIECE


def test_known_page_is_stopped_over_tls(tls_origin: Origin, store: Path) -> None:
    url = tls_origin.on("/page.html", sequence(reply(), trickling(reply(), Gate())))
    stopped(url, store)
    assert stopped_outcomes(stopped(url, store)) == ["stopped-early"]


def test_nginx_before_an_origin_that_never_hears_of_conditions_sends_little(
    serve_nginx: ServeNginx, store: Path
) -> None:
    size = 24 * MIB
    behind = serve_nginx()
    forgets = 'proxy_set_header If-None-Match ""; proxy_set_header If-Modified-Since "";'
    front = serve_nginx(extra=f"location / {{ proxy_pass {behind.url}; {forgets} }}")
    behind.write("page.bin", Random(2).randbytes(size))
    crawls = [stopped(f"{front.url}/page.bin", store) for _ in range(3)]
    assert [stopped_outcomes(crawled) for crawled in crawls] == [["new"], ["stopped-early"], ["stopped-early"]]
    assert len({crawled.page["body"] for crawled in crawls}) == 1
    first, *others = front.log(3)
    assert first.body_bytes_sent == size
    # What the system's buffers take on the way, whoever reads.
    assert all(line.body_bytes_sent < size // 2 for line in others)
