"""What the samples and counts come to: flat or not, right or not, and the table that says so."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from soak.samples import Sample

# The warm-up: the first third is not judged.
JUDGED_FROM = 1 / 3
# Of the mean, per hour.
STEEPEST = 0.02
# Threads and descriptors come and go with sessions and connections.
SLACK = 16
# Of all requests: a machine that stalls may cost some.
MOST_UNEXPECTED = 0.0001
# A shorter run says nothing about slopes.
SHORTEST = 30 * 60.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trend:
    """A quantity over the run."""

    at_tenth: float
    at_half: float
    at_end: float
    mean: float
    largest: float
    # Per hour, over the judged part, as a share of the mean there.
    slope: float

    @property
    def is_flat(self) -> bool:
        """Does it grow less than it may?"""
        return self.slope < STEEPEST


@dataclass(slots=True)
class Run:
    """What a run gave."""

    seconds: float
    settings: dict[str, Any]
    samples: list[Sample]
    # Of the poller that lives, and of all those that were killed.
    steady: dict[str, Any]
    killed: dict[str, Any]
    kills: int
    # What went wrong around it: pollers that ended by themselves, a site that failed.
    accidents: list[str] = field(default_factory=list)


def trend(samples: list[Sample], quantity: Callable[[Sample], float]) -> Trend:
    """Follow a quantity through the run; each point is the mean of a twentieth of it."""
    end = samples[-1].at
    judged = [one for one in samples if one.at >= end * JUDGED_FROM]
    mean = fmean(quantity(one) for one in judged)
    return Trend(
        at_tenth=_around(samples, end * 0.1, quantity),
        at_half=_around(samples, end * 0.5, quantity),
        at_end=_around(samples, end * 0.975, quantity),
        mean=mean,
        largest=max(quantity(one) for one in samples),
        slope=_slope([(one.at / 3600, quantity(one)) for one in judged]) / max(mean, 1.0),
    )


def _around(samples: list[Sample], at: float, quantity: Callable[[Sample], float]) -> float:
    width = samples[-1].at / 40
    near = [quantity(one) for one in samples if abs(one.at - at) <= width]
    return fmean(near) if near else quantity(min(samples, key=lambda one: abs(one.at - at)))


def _slope(points: list[tuple[float, float]]) -> float:
    """By least squares."""
    middle_x, middle_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def findings(run: Run) -> dict[str, Any]:
    """Everything that the report says, as plain data."""
    requests = run.steady["counters"].get("requests", 0) + run.killed["counters"].get("requests", 0)
    unexpected = sum(run.steady["unexpected"].values()) + sum(run.killed["unexpected"].values())
    trends = {
        "anonymous memory": trend(run.samples, lambda one: one.anonymous),
        "file size": trend(run.samples, lambda one: one.file_size),
        "file blocks": trend(run.samples, lambda one: one.file_blocks),
    }
    counts = {name: _early_and_late(run.samples, name) for name in ("threads", "descriptors")}
    wrong = run.steady["wrong"] + run.killed["wrong"]
    complaints = [f"{wrong} wrong bodies"] if wrong else []
    if unexpected > requests * MOST_UNEXPECTED:
        complaints.append(f"{unexpected} unexpected errors")
    complaints += run.accidents
    complaints += [
        f"{run.steady['counters'][name]} {name}"
        for name in ("store_errors", "corrupt_records")
        if run.steady["counters"].get(name)
    ]
    is_long_enough = run.seconds >= SHORTEST
    if is_long_enough:
        complaints += [f"{name} grows {one.slope:.1%} per hour" for name, one in trends.items() if not one.is_flat]
        complaints += [
            f"{name} grow: {early} → {late}" for name, (early, late) in counts.items() if late > early + SLACK
        ]
    cpu = run.samples[-1].cpu_seconds - run.samples[0].cpu_seconds
    return {
        "settings": run.settings,
        "seconds": run.seconds,
        "requests": requests,
        "steady": run.steady,
        "killed": run.killed,
        "kills": run.kills,
        "wrong": wrong,
        "unexpected": unexpected,
        "cpu_share": cpu / max(run.samples[-1].at - run.samples[0].at, 1.0),
        "trends": {name: asdict(one) for name, one in trends.items()},
        "early and late": counts,
        "is_long_enough": is_long_enough,
        "complaints": complaints,
    }


def _early_and_late(samples: list[Sample], name: str) -> tuple[int, int]:
    """The largest values of the second and of the last third."""
    end = samples[-1].at
    early = [getattr(one, name) for one in samples if end / 3 <= one.at < end * 2 / 3]
    late = [getattr(one, name) for one in samples if one.at >= end * 2 / 3]
    return max(early or late), max(late)


def table(found: dict[str, Any]) -> str:
    """The report in Markdown."""
    counters, killed = found["steady"]["counters"], found["killed"]["counters"]
    ratio = counters.get("not_modified", 0) / max(counters.get("requests", 0), 1)
    rows = [
        ("duration", f"{found['seconds'] / 60:.0f} min"),
        ("requests, of these by processes that were killed", f"{found['requests']:,}, {killed.get('requests', 0):,}"),
        ("304 Not Modified", f"{ratio:.1%}"),
        ("bodies checked", f"{found['steady']['checked'] + found['killed']['checked']:,}"),
        ("wrong bodies", f"{found['wrong']}"),
        ("unexpected errors", f"{found['unexpected']}"),
        ("errors that the origin was told to cause", f"{sum(found['steady']['expected'].values()):,}"),
        ("store errors, damaged records", f"{counters.get('store_errors', 0)}, {counters.get('corrupt_records', 0)}"),
        ("sessions opened and closed", f"{found['steady']['sessions']:,}"),
        ("processes killed", f"{found['kills']}"),
        ("CPU of the measured process", f"{found['cpu_share']:.1%} of a core"),
        ("threads, largest of the second and the last third", " → ".join(map(str, found["early and late"]["threads"]))),
        ("descriptors, the same", " → ".join(map(str, found["early and late"]["descriptors"]))),
    ]
    lines = ["| what | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += ["| MiB | at 10 % | at 50 % | at the end | largest | slope per hour |", "|---|---|---|---|---|---|"]
    for name, one in found["trends"].items():
        sizes = " | ".join(f"{one[point] / MIB:.1f}" for point in ("at_tenth", "at_half", "at_end", "largest"))
        lines.append(f"| {name} | {sizes} | {one['slope']:+.2%} |")
    rule = f"flat: over the last two thirds less than {STEEPEST:.0%} of the mean per hour"
    if not found["is_long_enough"]:
        rule += f"; not judged in less than {SHORTEST / 60:.0f} minutes"
    lines += ["", f"Verdict ({rule}): {'; '.join(found['complaints']) or 'good'}."]
    for examples in (found["steady"]["examples"], found["killed"]["examples"]):
        lines += [f"- {one}" for one in examples]
    return "\n".join(lines) + "\n"
