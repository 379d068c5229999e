"""What a page is at a moment: content, validators and trouble, all from its number and the clock.

Origin and poller share this file and nothing else. Every body names its subject and version, every answer the digest
of the content that it speaks of: so a wrong, mixed-up or old body is told from a right one by looking at it.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache, lru_cache
from random import Random
from typing import Literal, TypeAlias

Validators: TypeAlias = Literal["strong", "weak", "date", "both", "none"]
Trouble: TypeAlias = Literal["missing", "failing", "cut", "slow"]

DIGEST = "X-Content-Digest"

SMALLEST, LARGEST = 200, 300_000
# Words enough that two pages begin at different ones, and gzip has something to do.
WORDS = " ".join(f"<b>{Random(number).getrandbits(40):x}</b>" for number in range(40_000)).encode()
OPENING = re.compile(rb"<p>subject (\d+) version (\d+)</p>\n")

# Subjects that many pages share.
SHARED = 20
# Trouble comes and goes with this period, so that it meets pages that are stored.
TROUBLED = 40.0
# A body may be so much older than its request: it may have joined one that was under way, on a busy machine.
PATIENCE = 30.0

# Seconds between two changes; 0 changes with every answer.
PERIODS = (math.inf, 3600.0, 600.0, 60.0, 10.0, 0.0)
HOW_OFTEN = (35, 15, 25, 15, 7, 3)


@dataclass(frozen=True, slots=True)
class Page:
    """The lasting traits of a page."""

    number: int
    # Whose content it shows: mostly its own.
    subject: int
    validators: Validators
    is_coded: bool
    trouble: Trouble | None

    def is_troubled(self, now: float) -> bool:
        """Is its trouble there just now?"""
        return self.trouble is not None and (now + self.number) % TROUBLED < TROUBLED / 2

    @property
    def always_changes(self) -> bool:
        """Is every answer another?"""
        return period_of(self.subject) == 0.0


@cache
def page(number: int) -> Page:
    """The page of that number."""
    draw = Random(f"page {number}")
    is_shared = draw.random() < 0.15
    validators: Validators = draw.choices(("strong", "weak", "date", "both", "none"), (50, 15, 15, 15, 5))[0]
    trouble: Trouble | None = draw.choices((None, "missing", "failing", "cut", "slow"), (90, 2, 2, 3, 3))[0]
    subject = number % SHARED if is_shared else number + SHARED
    return Page(number, subject, validators, is_coded=draw.random() < 0.5, trouble=trouble)


@cache
def period_of(subject: int) -> float:
    """Seconds between two changes of a subject."""
    return Random(f"period {subject}").choices(PERIODS, HOW_OFTEN)[0]


@cache
def size_of(subject: int) -> int:
    """Bytes of a subject's content: few large ones, many small ones."""
    return int(math.exp(Random(f"size {subject}").uniform(math.log(SMALLEST), math.log(LARGEST))))


def version_at(subject: int, now: float) -> int:
    """Which version a subject shows at a moment; versions only count up."""
    period = period_of(subject)
    if period == 0.0:
        return int(now * 1_000_000)
    return 0 if math.isinf(period) else int((now + subject) / period)


def content_of(subject: int, version: int) -> bytes:
    """What a subject shows at a version."""
    start = Random(subject * 1_000_003 + version).randrange(len(WORDS) - LARGEST)
    return b"<p>subject %d version %d</p>\n%b" % (subject, version, WORDS[start : start + size_of(subject)])


def digest_of(content: bytes) -> str:
    """The name of a content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@lru_cache(maxsize=50_000)
def digest_at(subject: int, version: int) -> str:
    """The name of a subject's content at a version."""
    return digest_of(content_of(subject, version))


def fields_of(shown: Page, version: int) -> dict[str, str]:
    """The validators of a page at a version, and the digest."""
    digest = digest_at(shown.subject, version)
    fields = {DIGEST: digest, "Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Encoding"}
    kind = shown.validators
    if kind in {"strong", "both"}:
        fields["ETag"] = f'"{digest}"'
    if kind == "weak":
        fields["ETag"] = f'W/"{digest}"'
    # A date of whole seconds cannot follow what changes with every answer.
    if kind in {"date", "both"} and not shown.always_changes:
        period = period_of(shown.subject)
        seconds = 0.0 if math.isinf(period) else version * period
        modified = datetime(1980, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
        fields["Last-Modified"] = format_datetime(modified, usegmt=True)
    return fields


def what_is_wrong(shown: Page, content: bytes, headers: dict[str, str], asked: float, answered: float) -> str | None:
    """Say what is wrong with a body that was handed out for a request of that time, or None."""
    opening = OPENING.match(content)
    digest = digest_of(content)
    if opening is None:
        return "the body is none of ours"
    subject, version = (int(number) for number in opening.groups())
    if subject != shown.subject:
        return f"the body is of subject {subject}, not {shown.subject}"
    if headers.get(DIGEST.lower()) != digest:
        return f"the body of version {version} came with the digest of another"
    if "etag" in headers and headers["etag"].removeprefix("W/").strip('"') != digest:
        return f"the body of version {version} came with the tag of another"
    earliest, latest = version_at(subject, asked - PATIENCE), version_at(subject, answered)
    if not earliest <= version <= latest:
        return f"the body is of version {version}, and {earliest} to {latest} were current"
    return None
