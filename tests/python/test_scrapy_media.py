"""Scrapy's media pipelines, and its robots.txt, ask only for what changed, and keep the right files on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import notmodified
from crawls import crawl
from origin import Page, redirect, status

if TYPE_CHECKING:
    from pathlib import Path

    from crawls import Crawled
    from origin import Handler, Origin, Reply, Request

pytestmark = pytest.mark.usefixtures("environment")

SHEET = b"%PDF-1.4 a data sheet"
OTHER_SHEET = b"%PDF-1.4 another one"


@dataclass(frozen=True, slots=True)
class Media:
    """Crawls of one page that links to files."""

    origin: Origin
    store: Path
    directory: Path
    # Of FilesPipeline, or of ImagesPipeline.
    kind: str = "files"

    def publish(self, *handlers: Handler) -> None:
        """Publish these files, and the page that links to them."""
        links = [self.origin.on(f"/{number}.pdf", handler) for number, handler in enumerate(handlers)]
        self.origin.on("/page.html", Page("".join(f'<a href="{link}">file</a>' for link in links).encode()))

    def crawl(self, *, also: dict[str, int] | None = None, **settings: Any) -> Crawled:  # noqa: ANN401
        """Crawl the page, and so its files; `also` are more pipelines."""
        pipelines = {
            "files": {"media_pipelines.Files": 1, "scrapy.pipelines.files.FilesPipeline": 2},
            "images": {"media_pipelines.Images": 1, "scrapy.pipelines.images.ImagesPipeline": 2},
        }
        asking_always = {
            "ITEM_PIPELINES": {**pipelines[self.kind], **(also or {})},
            "FILES_EXPIRES": 0,
            "IMAGES_EXPIRES": 0,
        }
        places = {"FILES_STORE": str(self.directory), "IMAGES_STORE": str(self.directory)}
        return crawl([f"{self.origin.url}/page.html"], store=self.store, **{**asking_always, **places, **settings})

    def one(self, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
        """Crawl, and give what the item says of its one file."""
        told: dict[str, Any]
        (told,) = self.crawl(**settings).page[self.kind]
        return told

    def path(self, told: dict[str, Any]) -> Path:
        """Where the pipeline put a file."""
        return self.directory / str(told["path"])

    def conditions(self, target: str = "/0.pdf") -> list[bool]:
        """Tell of each request for a file whether it was conditional."""
        return [received.has_condition() for received in self.origin.requests(target)]


@dataclass(slots=True, eq=False)
class Spoiled(Page):
    """A file whose stored body is damaged between the first condition and its 304."""

    store: Path | None = None

    def __call__(self, request: Request) -> Reply:
        """Damage it, once; then answer."""
        if request.has_condition() and self.not_modified == 0 and self.store is not None:
            with (self.store / "data.mdb").open("r+b") as data:
                data.seek(data.read().index(self.content))
                data.write(b"spoiled")
        return Page.__call__(self, request)


@pytest.fixture
def files(origin: Origin, store: Path, tmp_path: Path) -> Media:
    """With Scrapy's FilesPipeline."""
    return Media(origin, store, tmp_path / "media")


@pytest.fixture
def images(origin: Origin, store: Path, tmp_path: Path) -> Media:
    """With Scrapy's ImagesPipeline."""
    return Media(origin, store, tmp_path / "media", kind="images")


def picture(shade: int) -> bytes:
    """Draw a PNG."""
    drawn = BytesIO()
    Image.new("L", (64, 64), shade).save(drawn, "PNG")
    return drawn.getvalue()


def shade(path: Path) -> float:
    """Look at a picture: how light it is."""
    with Image.open(path) as image:
        lightest: float = image.convert("L").getextrema()[1]
        return lightest


def test_unchanged_file_costs_a_304_and_is_on_disk_as_before(files: Media) -> None:
    sheet = Page(SHEET, content_type="application/pdf")
    files.publish(sheet)

    cold, warm = files.one(), files.one()

    assert (sheet.full, sheet.not_modified) == (1, 1)
    assert (cold["status"], warm["status"]) == ("downloaded", "cached")
    assert {**cold, "status": ""} == {**warm, "status": ""}
    assert files.path(warm).read_bytes() == SHEET


def test_changed_file_is_downloaded(files: Media) -> None:
    sheet = Page(SHEET, content_type="application/pdf")
    files.publish(sheet)
    files.one()
    sheet.content = OTHER_SHEET

    changed, unchanged = files.one(), files.one()

    assert (changed["status"], unchanged["status"]) == ("downloaded", "cached")
    assert (sheet.full, sheet.not_modified) == (2, 1)
    assert files.path(changed).read_bytes() == OTHER_SHEET


def test_file_is_asked_for_when_its_days_are_over_and_a_304_begins_them_anew(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(sheet)
    path = files.path(files.one(FILES_EXPIRES=90))
    os.utime(path, (path.stat().st_mtime - 91 * 86_400,) * 2)

    states = [files.one(FILES_EXPIRES=90)["status"] for _ in range(2)]

    assert states == ["cached", "uptodate"]
    assert (sheet.full, sheet.not_modified) == (1, 1)


def test_file_missing_on_disk_is_written_again_for_a_304(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(sheet)
    path = files.path(files.one())
    path.unlink()

    assert files.one()["status"] == "cached"
    assert path.read_bytes() == SHEET
    assert (sheet.full, sheet.not_modified) == (1, 1)


def test_coded_file_is_decoded_on_disk_whether_it_was_downloaded_or_not(files: Media) -> None:
    table = Page(b"name,price\n" * 500, content_type="text/csv", gzip=True, gzip_suffix="-gzip", vary="Accept-Encoding")
    files.publish(table)
    for state in ("downloaded", "cached"):
        told = files.one()
        assert told["status"] == state
        assert files.path(told).read_bytes() == table.content


def test_file_that_was_moved_is_revalidated_where_it_is_now(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(redirect("/moved.pdf"))
    files.origin.on("/moved.pdf", sheet)

    cold = files.one(MEDIA_ALLOW_REDIRECTS=True)
    warm = files.one(MEDIA_ALLOW_REDIRECTS=True)

    assert (cold["status"], warm["status"]) == ("downloaded", "cached")
    assert (sheet.full, sheet.not_modified) == (1, 1)
    assert files.path(warm).read_bytes() == SHEET


def test_file_larger_than_the_limit_is_downloaded_each_time(files: Media) -> None:
    large, small = Page(b"x" * 5_000), Page(b"y" * 1_000)
    files.publish(large, small)
    for small_state in ("downloaded", "cached"):
        told = files.crawl(NOTMODIFIED_MAX_BODY=2_000).page["files"]
        assert [one["status"] for one in told] == ["downloaded", small_state]
        assert [files.path(one).read_bytes() for one in told] == [large.content, small.content]
    assert (large.full, large.not_modified) == (2, 0)


def test_file_that_is_gone_for_a_while_replaces_nothing(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(sheet)
    path = files.path(files.one())
    files.origin.on("/0.pdf", status(404))

    assert files.crawl().page["files"] == []

    files.origin.on("/0.pdf", sheet)
    assert path.read_bytes() == SHEET
    assert files.one()["status"] == "cached"
    assert (sheet.full, sheet.not_modified) == (1, 1)


def test_304_for_a_file_that_cannot_be_served_is_asked_for_in_full(files: Media) -> None:
    sheet = Page(SHEET, etag='"one"', etag_on_304='"another"')
    files.publish(sheet)
    files.one()
    sheet.orphan_304s = 1

    again = files.one()

    assert again["status"] == "downloaded"
    assert files.path(again).read_bytes() == SHEET
    assert files.conditions() == [False, True, False]


def test_304_for_a_file_whose_stored_body_is_damaged_is_asked_for_in_full(files: Media) -> None:
    sheet = Spoiled(SHEET * 500, store=files.store)
    files.publish(sheet)
    files.one()

    again, unchanged = files.one(), files.one()

    assert (again["status"], unchanged["status"]) == ("downloaded", "cached")
    assert files.path(again).read_bytes() == sheet.content
    assert files.conditions() == [False, True, False, True]


def test_file_that_was_forgotten_is_downloaded(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(sheet)
    files.one()
    with notmodified.Cache(files.store) as cache:
        assert cache.forget(url=f"{files.origin.url}/0.pdf") == 1

    assert files.one()["status"] == "downloaded"
    assert files.conditions() == [False, False]


def test_file_and_page_of_one_url_are_one_stored_response(files: Media) -> None:
    files.publish(Page(SHEET))
    files.origin.on("/page.html", page := Page(f'<a href="{files.origin.url}/page.html">itself</a>'.encode()))

    first = files.crawl().page

    assert (page.full, page.not_modified) == (1, 1)
    assert first["files"][0]["status"] == "cached"
    assert first["flags"] == []


def test_page_whose_item_failed_comes_again_though_its_content_was_fetched_as_a_file(files: Media) -> None:
    files.publish(Page(SHEET))
    files.origin.on("/page.html", Page(f'<a href="{files.origin.url}/page.html">itself</a>'.encode()))

    failed = files.crawl(also={"media_pipelines.Failing": 3})
    again, processed = files.crawl(), files.crawl()

    assert failed.items == []
    assert again.page["meta"]["notmodified"] == {"outcome": "not-modified", "changed": True, "not_modified": True}
    assert not processed.page["meta"]["notmodified"]["changed"]


def test_page_that_was_fetched_as_a_file_is_changed_for_the_callback_that_sees_it_first(files: Media) -> None:
    sheet = Page(SHEET)
    files.publish(sheet)
    files.one()

    told = crawl([f"{files.origin.url}/0.pdf"], store=files.store).page["meta"]["notmodified"]

    assert told == {"outcome": "not-modified", "changed": True, "not_modified": True}
    assert (sheet.full, sheet.not_modified) == (1, 1)


def test_unchanged_picture_costs_a_304_and_its_copies_are_made_of_the_stored_one(images: Media) -> None:
    drawing = Page(picture(40), content_type="image/png")
    images.publish(drawing)
    thumbs = {"IMAGES_THUMBS": {"small": (8, 8)}}
    images.one()

    warm = images.one(**thumbs)

    assert warm["status"] == "cached"
    assert (drawing.full, drawing.not_modified) == (1, 1)
    assert shade(images.path(warm)) == shade(images.directory / warm["path"].replace("full/", "thumbs/small/")) == 40


def test_changed_picture_is_downloaded(images: Media) -> None:
    drawing = Page(picture(40), content_type="image/png")
    images.publish(drawing)
    images.one()
    drawing.content = picture(200)

    changed = images.one()

    assert changed["status"] == "downloaded"
    assert shade(images.path(changed)) == 200


def test_changed_robots_txt_is_followed_in_the_crawl_that_finds_it_changed(origin: Origin, store: Path) -> None:
    rules = Page(b"User-agent: *\nDisallow: /secret\n", content_type="text/plain")
    origin.on("/robots.txt", rules)
    urls = [origin.on(path, Page(b"<html>one</html>")) for path in ("/open", "/secret")]
    found = [set(crawl(urls, store=store, ROBOTSTXT_OBEY=True).pages) for _ in range(2)]
    rules.content = b"User-agent: *\nDisallow: /open\n"
    found += [set(crawl(urls, store=store, ROBOTSTXT_OBEY=True).pages) for _ in range(2)]

    assert found == [{urls[0]}, {urls[0]}, {urls[1]}, {urls[1]}]
    assert (rules.full, rules.not_modified) == (2, 2)
