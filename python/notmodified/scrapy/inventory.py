"""What lies in a store, as lines: aligned for a person at a terminal, separated by tabs in a pipe, or JSON.

Entries are written as they come; of a store of any size only the sums are held.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from notmodified import Entries, Entry, StoredResponse

# Most hosts in the table of a person.
MOST_HOSTS = 20
# Most characters of a validator on a terminal.
LONGEST_VALIDATOR = 28
NOTHING = "-"


@dataclass
class Sums:
    """How much is stored. A URL counts once for each identity and method that something is stored for."""

    urls: int = 0
    responses: int = 0
    # Of bodies as they came over the wire; one that several share counts for each.
    body_bytes: int = 0

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        responses = entry.responses
        self.urls += 1
        self.responses += len(responses)
        self.body_bytes += sum(response.size for response in responses)


def stats(entries: Entries, place: str, *, as_json: bool) -> Iterator[str]:
    """Tell how much is stored, in all and by host, the largest first."""
    total, hosts = Sums(), defaultdict[str, Sums](Sums)
    for entry in entries:
        total.add(entry)
        hosts[host_of(entry.url)].add(entry)
    ranked = sorted(hosts.items(), key=lambda item: (-item[1].body_bytes, -item[1].urls, item[0]))
    file_bytes = (Path(place) / "data.mdb").stat().st_size
    if as_json:
        whole = {"store": place, **asdict(total), "file_bytes": file_bytes, "unreadable": entries.unreadable}
        yield json.dumps(whole)
        yield from (json.dumps({"host": host, **asdict(sums)}) for host, sums in ranked)
        return
    yield f"store      {printable(place)}"
    yield f"URLs       {total.urls:,}"
    yield f"responses  {total.responses:,}"
    yield f"bodies     {size(total.body_bytes)}"
    yield f"file       {size(file_bytes)}"
    yield from _table(ranked)


def _table(ranked: list[tuple[str, Sums]]) -> Iterator[str]:
    if not ranked:
        return
    yield ""
    yield f"{'URLs':>12}  {'responses':>12}  {'bodies':>9}  host"
    for host, sums in ranked[:MOST_HOSTS]:
        yield f"{sums.urls:>12,}  {sums.responses:>12,}  {size(sums.body_bytes):>9}  {host}"
    rest = ranked[MOST_HOSTS:]
    if rest:
        yield f"{sum(sums.urls for _, sums in rest):>12,}  of {len(rest):,} hosts more (--json has all)"


def listing(entries: Iterable[Entry], prefix: str, *, as_json: bool) -> Iterator[str]:
    """Tell what is stored under URLs that begin with `prefix`: status, size, age and validator, then the URL."""
    now = datetime.now(timezone.utc)
    meant = (entry for entry in entries if entry.url.startswith(prefix))
    if as_json:
        yield from (json.dumps(described(entry)) for entry in meant)
        return
    if not sys.stdout.isatty():
        yield from ("\t".join(_plain(entry, now)) for entry in meant)
        return
    yield f"{'status':>6}  {'size':>9}  {'age':>5}  {'validator':<{LONGEST_VALIDATOR}}  URL"
    yield from (_aligned(entry, now) for entry in meant)


def _plain(entry: Entry, now: datetime) -> Iterator[str]:
    """Give the columns of a line in a pipe: bytes and seconds; then method and partition."""
    newest = _newest(entry)
    if newest is None:
        yield from (NOTHING,) * 4
    else:
        yield from (str(newest.status), str(newest.size), str(_seconds(newest, now)), _validator(newest))
    yield from (entry.url, entry.method, entry.partition or NOTHING)


def _aligned(entry: Entry, now: datetime) -> str:
    newest = _newest(entry)
    status, length, age, validator = NOTHING, NOTHING, NOTHING, NOTHING
    if newest is not None:
        status, length, age = str(newest.status), size(newest.size), duration(_seconds(newest, now))
        validator = _validator(newest)
    if len(validator) > LONGEST_VALIDATOR:
        validator = validator[: LONGEST_VALIDATOR - 3] + "..."
    more = len(entry.responses) - 1
    notes = [
        "HEAD" if entry.method == "HEAD" else "",
        f"identity {entry.partition}" if entry.partition else "",
        f"{more} more variant{'s' if more > 1 else ''}" if more > 0 else "",
    ]
    note = ", ".join(filter(None, notes))
    told = f"  ({note})" if note else ""
    return f"{status:>6}  {length:>9}  {age:>5}  {validator:<{LONGEST_VALIDATOR}}  {entry.url}{told}"


def described(entry: Entry) -> dict[str, Any]:
    """Describe an entry as plain data."""
    return {
        "url": entry.url,
        "method": entry.method,
        "partition": entry.partition,
        "last_used": entry.last_used.isoformat() if entry.last_used else None,
        "acknowledgements": entry.acknowledgements,
        "responses": [
            {
                "status": response.status,
                "size": response.size,
                "etag": response.etag,
                "last_modified": response.last_modified,
                "received_at": response.received_at.isoformat(),
                "validated_at": response.validated_at.isoformat(),
            }
            for response in entry.responses
        ],
    }


def forgotten(count: int, *, as_json: bool) -> str:
    """Tell how many were forgotten."""
    return json.dumps({"forgotten": count}) if as_json else f"forgot {count:,} URL{'' if count == 1 else 's'}"


def host_of(url: str) -> str:
    """Cut host and port out of a stored URL, which is normalised."""
    return url.split("/", 3)[2]


def size(count: float) -> str:
    """Write a number of bytes for a person."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 999.95:  # noqa: PLR2004, what rounds to less than the next unit
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: int) -> str:
    """Write a time that has passed for a person."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def printable(text: str) -> str:
    """Write what would not be seen, or would move the cursor, as an escape: what origins send is no command."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _newest(entry: Entry) -> StoredResponse | None:
    return max(entry.responses, key=lambda response: response.validated_at, default=None)


def _seconds(response: StoredResponse, now: datetime) -> int:
    return max(0, int((now - response.validated_at).total_seconds()))


def _validator(response: StoredResponse) -> str:
    validator = response.etag or response.last_modified or NOTHING
    return printable(validator).encode("ascii", "backslashreplace").decode()
