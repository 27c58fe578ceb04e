"""The queue of a station: what is asked for is kept, in order, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.acquisition.planning import planned
from nanojunction.procedures.acquisition.queue import Queue
from nanojunction.procedures.acquisition.records import QueueError, Wish
from tests.conftest import station_content

CONFIG = station_from(station_content(), "test station")


def iv(sample: str = "A", **settings: str) -> Wish:
    return Wish("iv", sample, {"vmax": "10 mV", "step": "1 mV"} | settings)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as queue:
        queue.open("station.toml")
        yield queue


def put(queue: Queue, *wishes: Wish, before: str = "") -> list[str]:
    return queue.add(planned(wishes, CONFIG, "station.toml"), before)


def samples(queue: Queue, status: str = "queued") -> list[str]:
    return [one.wish.sample for one in queue.entries() if one.status == status]


def test_what_is_added_waits_in_order(queue: Queue) -> None:
    a, b = put(queue, iv("A"), iv("B"))
    (c,) = put(queue, iv("C"), before=b)
    assert samples(queue) == ["A", "C", "B"]
    first = queue.entries()[0]
    assert (first.planned_rows, first.rows, first.error) == (85, 0, None)
    assert first.cost_s is not None and first.cost_s > 1.0
    queue.move(a)
    queue.move(b, before=c)
    assert samples(queue) == ["B", "C", "A"]
    queue.discard(c)
    assert samples(queue) == ["B", "A"]
    assert samples(queue, "discarded") == ["C"]


def test_all_wishes_are_measured_as_asked_or_none_is_queued(queue: Queue) -> None:
    with pytest.raises(QueueError, match=r"^2 of 3: the voltage 0\.6 V .* ±0\.5 V"):
        put(queue, iv(), iv(vmax="600 mV", step="10 mV"), iv())
    with pytest.raises(QueueError, match="'vmaxx'"):
        put(queue, iv(), iv(vmaxx="1 mV"))
    assert queue.entries() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "procedure: is missing"),
        ({"procedure": 3}, "procedure: 3 is no str"),
        ({"procedure": "iv", "junction": "A"}, "junction: unknown"),
        ({"procedure": "iv", "settings": {"vmax": [1]}}, r"settings.vmax: \[1\] is neither"),
    ],
)
def test_what_is_no_wish_is_refused_in_words(content: dict[str, object], words: str) -> None:
    with pytest.raises(QueueError, match=words):
        Wish.of(content)


def test_only_what_waits_is_changed(queue: Queue) -> None:
    (key,) = put(queue, iv())
    ((wish, rows, cost_s),) = planned([iv("J7", step="2 mV")], CONFIG, "station.toml")
    queue.change(key, wish, rows, cost_s)
    assert queue.entry(key).planned_rows == 45
    queue.begin(key)
    for change in (queue.discard, queue.move, queue.resume, queue.retry):
        with pytest.raises(QueueError, match=r"is running|not cut off"):
            change(key)
    with pytest.raises(QueueError, match="0009: is not in the queue"):
        queue.discard("0009")


def test_a_failed_entry_is_tried_again_before_all_others(queue: Queue) -> None:
    failed, other = put(queue, iv("A"), iv("B"))
    queue.begin(failed)
    queue.fail(failed, "SMU time-out")
    assert queue.entry(failed).error == "SMU time-out"
    again = queue.retry(failed)
    turn = queue.next()
    assert turn is not None
    assert (turn.key, turn.tries, turn.wish) == (again, 1, iv("A"))
    assert queue.entry(failed).status == "retried"
    assert [one.key for one in queue.entries()] == [failed, again, other]


def test_what_a_dead_process_has_left_waits_for_a_person(queue: Queue, tmp_path: Path) -> None:
    cut, other = put(queue, iv("A"), iv("B"))
    queue.begin(cut)
    queue.journal.begin(cut, 1, "A.csv")
    with Queue(tmp_path) as later:
        later.open("station.toml")
        entry = later.entry(cut)
        assert (entry.status, entry.error) == ("cut off", "killed before the first row")
        assert later.next() is None, "nothing is measured before somebody has said what to do"
        later.resume(cut)
        turn = later.next()
        assert turn is not None
        assert (turn.key, turn.resumes) == (cut, True)
        later.discard(cut)
        turn = later.next()
        assert turn is not None
        assert turn.key == other
