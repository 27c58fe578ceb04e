"""The timing tables of a rehearsed night, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.accounts import ACCOUNTS, PARTS, PAUSES, Night
from rehearsal.bench import LATENCY_S

PART_WORDS = {
    "ramping_s": "temperature ramps", "settling_s": "settling", "window_s": "stability windows",
    "field_s": "field, with the switch heater", "resting_s": "rests of the junction",
    "measuring_s": "measuring", "other_s": "all else",
}  # fmt: skip


def tables(night: Night) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from _runs(night)
    yield ""
    yield from _parts(night)
    yield ""
    yield from _accounts(night)
    yield ""
    yield from _ports(night)
    yield ""
    yield from _looks(night)


def percent_off(planned: float, took: float) -> str:
    """Return how far a plan was from what came."""
    return f"{100.0 * (planned / took - 1.0):+.1f} %"


def _runs(night: Night) -> Iterator[str]:
    yield "| run | rows | dry run (s) | took (s) | dry run off by |"
    yield "|---|---|---|---|---|"
    for one in night.runs:
        yield (
            f"| {one.key} | {one.rows} | {one.planned.total_s:.1f} | {one.took_s:.1f} "
            f"| {percent_off(one.planned.total_s, one.took_s)} |"
        )
    rows = sum(one.rows for one in night.runs)
    yield (
        f"| whole night, from start to exit, without pauses | {rows} | {night.planned_s:.1f} "
        f"| {night.took_s:.1f} | {percent_off(night.planned_s, night.took_s)} |"
    )


def _parts(night: Night) -> Iterator[str]:
    yield "| part of the plan | dry run (s) | took (s) |"
    yield "|---|---|---|"
    for part, accounts in PARTS.items():
        planned = sum(getattr(one.planned, part) for one in night.runs)
        took = sum(one.spent.get(account, 0.0) for one in night.runs for account in accounts)
        yield f"| {PART_WORDS[part]} | {planned:.1f} | {took:.1f} |"


def _accounts(night: Night) -> Iterator[str]:
    yield "| where the time goes | s | share |"
    yield "|---|---|---|"
    for account in ACCOUNTS:
        seconds = night.spent(account)
        if account == PAUSES:
            yield f"| {account} | {seconds:.2f} | – |"
        else:
            yield f"| {account} | {seconds:.2f} | {100.0 * seconds / night.took_s:.2f} % |"
    total = sum(night.spent(account) for account in ACCOUNTS)
    yield f"| sum (the wall clock says {night.wall_s:.2f} s) | {total:.2f} | |"


def _ports(night: Night) -> Iterator[str]:
    yield (
        "| instrument | lines to it | answers | busy (s) | of it latency (s) | bytes on the line "
        "(s) | its own work (s) | an exchange |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for role, port in night.ports.items():
        latency = LATENCY_S * port["lines_in"]
        own = max(0.0, port["answering_s"] - latency - port["byte_s"])
        each = 1e3 * (LATENCY_S + port["byte_s"] / port["lines_in"])
        yield (
            f"| {role.replace('_', '-')} | {port['lines_in']} | {port['lines_out']} "
            f"| {port['answering_s']:.1f} | {latency:.1f} | {port['byte_s']:.1f} | {own:.1f} "
            f"| {each:.1f} ms |"
        )


def _looks(night: Night) -> Iterator[str]:
    """Yield what the live page told of the time left, at each quarter of the night."""
    yield "| into the night (s) | the page said (s left) | it was (s) |"
    yield "|---|---|---|"
    for quarter in (1, 2, 3):
        wanted_s = quarter * night.wall_s / 4.0
        if night.looks:
            at_s, told_s = min(night.looks, key=lambda look: abs(look[0] - wanted_s))
            yield f"| {at_s:.0f} | {told_s:.0f} | {night.wall_s - at_s:.0f} |"
