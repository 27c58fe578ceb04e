"""Places on a wafer: splits, gradients, what is where; and behaviour that is drawn."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from statistics import fmean

import pytest

from nanojunction.models.behaviour import STEADY, Behaviour, Contact, Drift, Telegraph
from nanojunction.models.distributions import Choice, Normal, draw
from nanojunction.models.laws import Linear
from nanojunction.models.population import Batch, BatchFileError, Device, parse_population
from nanojunction.models.wafer import Place, Wafer

WAFER = """
device = "w"
[wafer]
columns = 20
rows = 10
pitch_x_mm = 0.5
pitch_y_mm = 0.25
[wafer.splits]
annealed = [1, 2, 3, 4, 5]
plain = [6, 7]
"""
LINEAR = """
[populations.junction]
law = "linear"
r_s_ohm = 100.0
"""
GOOD = '[[populations]]\ntruth = "ohmic"\ncount = {count}\n{more}' + LINEAR


def batch(*populations: str, wafer: str = WAFER, seed: int = 1) -> Batch:
    return parse_population(wafer + "".join(populations), "w.toml", seed)


def good(count: int | str = '"rest"', more: str = "") -> str:
    return GOOD.format(count=count, more=more)


def place(device: Device) -> Place:
    assert device.place is not None
    return device.place


def ohm(device: Device) -> float:
    assert isinstance(device.law, Linear)
    return device.law.r_s_ohm


# Places


def test_places_are_numbered_row_by_row_and_named_by_their_numbers() -> None:
    devices = batch(good()).devices
    assert len(devices) == 200
    first, second, twentyfirst, last = (devices[n] for n in (0, 1, 20, 199))
    assert [d.name for d in (first, second, twentyfirst, last)] == [
        "w-001", "w-002", "w-021", "w-200",
    ]  # fmt: skip
    assert first.place == Place(1, 1, 1, 0.0, 0.0, pytest.approx(1.0), "annealed")
    assert second.place == Place(2, 2, 1, 0.5, 0.0, pytest.approx(0.9006, abs=1e-4), "annealed")
    assert (place(twentyfirst).column, place(twentyfirst).row) == (1, 2)
    assert (place(last).x_mm, place(last).y_mm) == (9.5, 2.25)
    assert Counter(place(d).split for d in devices) == {"annealed": 50, "plain": 20, None: 130}


def test_a_round_wafer_has_no_corners() -> None:
    places = Wafer(columns=11, rows=11, shape="round").places()
    at = {(one.column, one.row) for one in places}
    assert (6, 1) in at
    assert (6, 6) in at
    assert at.isdisjoint({(1, 1), (2, 2), (11, 11)})
    assert len(places) == pytest.approx(math.pi / 4 * 121, abs=3)
    assert [one.number for one in places] == list(range(1, len(places) + 1))
    assert next(one for one in places if (one.column, one.row) == (6, 6)).off_centre == 0.0


def test_places_that_no_population_takes_are_the_last_ones() -> None:
    devices = batch(good(193)).devices
    assert [device.name for device in devices] == [f"w-{n:03d}" for n in range(1, 194)]


def test_a_population_may_be_more_frequent_at_the_edge_and_in_a_split() -> None:
    wafer = WAFER.replace("columns = 20", "columns = 60").replace("rows = 10", "rows = 60")
    often = '[[populations]]\ntruth = "short"\ncount = 400\n{more}\n' + LINEAR

    def shorts(more: str) -> list[Place]:
        devices = batch(often.format(more=more), good(), wafer=wafer).devices
        assert len(devices) == 3600
        return [place(device) for device in devices if device.truth == "short"]

    def density(found: list[Place], is_in: Callable[[Place], bool]) -> float:
        every = [place(device) for device in batch(good(), wafer=wafer).devices]
        return sum(map(is_in, found)) / sum(map(is_in, every))

    even = shorts("")
    edge = shorts("more_at_edge = 5.0")
    assert len(even) == len(edge) == 400
    outer = density(edge, lambda one: one.off_centre > 0.7)
    inner = density(edge, lambda one: one.off_centre < 0.3)
    assert outer / inner == pytest.approx(4.4 / 1.8, rel=0.3)
    assert density(even, lambda one: one.off_centre < 0.3) == pytest.approx(1 / 9, rel=0.3)
    split = shorts("more_in = { annealed = 4.0 }")
    assert density(split, lambda one: one.split == "annealed") == pytest.approx(
        4.0 * density(split, lambda one: one.split != "annealed"), rel=0.25
    )


def test_a_number_may_change_toward_the_edge_and_in_a_split() -> None:
    more = "[populations.at_edge]\nr_s_ohm = 2.0\n[populations.in_split.annealed]\nr_s_ohm = 0.1\n"
    for device in batch(good(more=more)).devices:
        in_split = 0.1 if place(device).split == "annealed" else 1.0
        assert ohm(device) == pytest.approx(100.0 * (1.0 + place(device).off_centre) * in_split)


def test_numbers_inside_of_tables_and_of_the_behaviour_may_change_too() -> None:
    text = """
[[populations]]
truth = "generating"
count = 200
like = "C"
[populations.behaviour.telegraph]
amplitude = 0.1
up_s = 1.0
down_s = 1.0
[populations.at_edge]
zero_field.v_off_V = 3.0
behaviour.telegraph.amplitude = 2.0
"""
    for device in batch(text).devices:
        away = place(device).off_centre
        assert device.behaviour.telegraph is not None
        assert device.behaviour.telegraph.amplitude == pytest.approx(0.1 * (1.0 + away))
        rest = device.law.at_rest()
        assert device.law.current_A(2.76e-3 * (1.0 + 2.0 * away), 40.0, rest) == pytest.approx(
            0.0, abs=1e-9
        )


# Behaviour


def test_behaviour_is_drawn_for_each_device_like_its_law() -> None:
    text = """
[[populations]]
truth = "unstable"
count = 50
like = "A"
[populations.behaviour]
thermovoltage_V = { distribution = "normal", mean = 4e-5, sigma = 1e-6 }
contact = { open_first = 1, fails = 0.25 }
telegraph = { amplitude = { distribution = "choice", values = [0.1, 0.3] }, down_s = 1, up_s = 2.0 }
drift = { conductance_per_h = 0.1, saturates_h = 2.0 }
breakdown = { above_V = { distribution = "uniform", low = 0.02, high = 0.04 }, becomes = "short" }
"""
    devices = batch(text).devices
    behaviours = [device.behaviour for device in devices]
    assert {one.contact for one in behaviours} == {Contact(open_first=1, fails=0.25)}
    assert {one.telegraph for one in behaviours} == {
        Telegraph(amplitude=a, down_s=1.0, up_s=2.0) for a in (0.1, 0.3)
    }
    assert {one.drift for one in behaviours} == {Drift(conductance_per_h=0.1, saturates_h=2.0)}
    assert fmean(one.thermovoltage_V for one in behaviours) == pytest.approx(4e-5, rel=0.02)
    broken = [one.breakdown for one in behaviours if one.breakdown is not None]
    assert len({one.above_V for one in broken}) == 50
    assert all(0.02 < one.above_V < 0.04 for one in broken)
    assert {one.becomes.name for one in broken} == {device.name for device in devices}


def test_a_breakdown_may_end_in_any_law() -> None:
    text = (
        good(200)
        + """
[populations.behaviour.breakdown]
above_V = 0.03
becomes = { law = "linear", r_s_ohm = 5.0 }
"""
    )
    breakdown = batch(text).devices[0].behaviour.breakdown
    assert breakdown is not None
    assert breakdown.becomes == Linear(name="w-001", r_s_ohm=5.0)


def test_a_channel_has_no_junction_behind_it() -> None:
    channel = '[[populations]]\ntruth = "{truth}"\ncount = 100\nchannel = "{channel}"\n'
    devices = batch(
        channel.format(truth="open", channel="empty"),
        channel.format(truth="short", channel="shorted"),
    ).devices
    for device in devices:
        assert device.behaviour == STEADY == Behaviour()
        assert ohm(device) == (1e15 if device.truth == "open" else 1e-3)


def test_new_distributions_follow_their_parameters() -> None:
    values = draw(Normal(5.0, 2.0), 4000, random.Random(1))
    assert fmean(values) == pytest.approx(5.0, abs=4 * 2.0 / math.sqrt(4000))
    chosen = Counter(draw(Choice((1.0, 2.0, 4.0), stratified=True), 300, random.Random(1)))
    assert chosen == {1.0: 100, 2.0: 100, 4.0: 100}


# What is refused


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("columns = 20", "columns = 0", "wafer: key 'columns': must be greater than or equal"),
        ("rows = 10", "lines = 10", "wafer: key 'lines' is unknown"),
        ("rows = 10", 'rows = 10\nshape = "heart"', "wafer: key 'shape'"),
        ("annealed = [1", "annealed = [21", "the column 21; there are the columns 1 to 20"),
        ("plain = [6", "plain = [5", "the column 5 belongs to two splits, 'annealed' and 'plain'"),
        ('"rest"', "201", "add up to 201 devices, and the wafer has 200 places"),
        ('"rest"', '"many"', "populations[0].count' must be a whole number from 1 on, or \"rest"),
        (LINEAR, "more_at_edge = 0\n" + LINEAR, "populations[0].more_at_edge' must be a number"),
        (LINEAR, "more_in = { baked = 2.0 }\n" + LINEAR, "baked' is no split; the splits are"),
        (LINEAR, LINEAR + "[populations.at_edge]\nr_ohm = 2.0\n", "no number 'r_ohm' that"),
        (LINEAR, 'channel = "full"\n', "key 'channel' is 'full'; it must be one of empty, shorted"),
        (LINEAR, 'channel = "empty"\n' + LINEAR, "give either 'channel', behind"),
        (LINEAR, LINEAR + "[populations.behaviour.contact]\nfail = 0.1\n", "key 'fail' is unknown"),
        (LINEAR, LINEAR + "[populations.behaviour.contact]\nfails = 1.1\n", "contact: key 'fails'"),
        (LINEAR, LINEAR + "[populations.behaviour.noise]\nfails = 1.1\n", "key 'noise' is unknown"),
        (LINEAR, LINEAR + "[populations.behaviour]\ndrift = 1\n", "drift must be a table"),
        (
            LINEAR,
            LINEAR + '[populations.behaviour.breakdown]\nabove_V = 0.1\nbecomes = "dust"\n',
            "breakdown: key 'becomes' is 'dust'; it must be a built-in junction",
        ),
        (LINEAR, LINEAR + "behaviour = 3\n", "devices are named by their place, and behaviour has"),
        ('device = "w"', 'device = "w"\ntemperature_K = -4', "'temperature_K' must be a number"),
        ('device = "w"', 'device = "w"\nlimits = { max_V = 1.0 }', "key 'max_V' is unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_file_and_key(old: str, new: str, said: str) -> None:
    whole = WAFER + good()
    assert old in whole
    with pytest.raises(BatchFileError) as caught:
        parse_population(whole.replace(old, new, 1), "w.toml", 1)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith("w.toml: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_without_a_wafer_nothing_can_be_at_its_edge() -> None:
    for key in ("more_at_edge = 2.0", "[populations.at_edge]\nr_s_ohm = 2.0"):
        with pytest.raises(BatchFileError, match=r"needs the places of a wafer"):
            batch(good(5, key + "\n"), wafer='device = "w"\n')
    with pytest.raises(BatchFileError, match=r"must be a whole number from 1 on, found 'rest'"):
        batch(good(), wafer='device = "w"\n')
