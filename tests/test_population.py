"""Batches of junctions: what is published of them, whatever the seed; files refused when wrong."""

from __future__ import annotations

import json
import math
import random
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.models.distributions import LogNormal, Uniform, draw
from nanojunction.models.population import (
    BatchFileError,
    Device,
    built_in_batches,
    load_batch,
    parse_batch,
)
from tests.junction_probes import chord_ohm, iv, p_max_W, v_off_V

FOLDER = Path(__file__).parents[1] / "sample_data" / "chips"
SEEDS = st.integers(0, 2**31)
WORDS = ("device", "truth", "law", "like", "channel", "becomes")

BATCH = """
device = "chip"
[[populations]]
truth = "open"
count = 20
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "lognormal", median = 1e12, sigma = 1.0 }
[[populations]]
truth = "generating"
count = 15
like = "A"
[populations.junction]
r_s_ohm = { distribution = "uniform", low = 200.0, high = 400.0, stratified = true }
p_max_W = 30e-9
"""


def resistance(device: Device, temperature_K: float) -> float:
    return chord_ohm(iv(device.law, temperature_K), 0.01)


def of_truth(devices: tuple[Device, ...], truth: str) -> list[Device]:
    return [device for device in devices if device.truth == truth]


# The published batches


def test_built_in_batches_are_the_files_of_the_package() -> None:
    assert set(built_in_batches()) == {path.stem for path in FOLDER.glob("*.toml")}
    for name in built_in_batches():
        assert load_batch(name.upper(), 1) == load_batch(name, 1)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_of_chowriras_193_junctions_ten_are_neither_open_nor_short_and_nine_generate(
    seed: int,
) -> None:
    devices = load_batch("chowrira-193", seed)
    truths = Counter(device.truth for device in devices)
    assert len(devices) == 193
    assert truths["open"] + truths["short"] == 183
    assert (truths["generating"], truths["ohmic"]) == (9, 1)
    for device in of_truth(devices, "open"):
        assert resistance(device, 40) > 1e9
    for device in of_truth(devices, "short"):
        assert resistance(device, 40) < 10
    (ohmic,) = of_truth(devices, "ohmic")
    assert ohmic.law.current_A(0.0, 40.0, ohmic.law.at_rest()) == 0.0


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_chowriras_metallic_junctions_have_17_to_55_nW_for_150_to_800_ohm_at_40_K(
    seed: int,
) -> None:
    generating = of_truth(load_batch("chowrira-193", seed), "generating")
    found = 0
    for device in generating:
        current = iv(device.law, 40.0)
        power_W = p_max_W(current, v_off_V(current, 0.0, 0.2))
        if 150 < resistance(device, 40.0) < 800:
            assert 17e-9 < power_W < 55e-9
            found += 1
    # The two others are B (semiconducting) and C, which has 63 Ω at H = 0.
    assert found == 7
    assert len(generating) == 9


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_katckos_216_tunnel_junctions_have_the_published_median_and_one_generates(
    seed: int,
) -> None:
    devices = load_batch("katcko-216", seed)
    assert len(devices) == 216
    passive = of_truth(devices, "ohmic")
    assert median(resistance(device, 295) for device in passive) == pytest.approx(4395)
    assert median(resistance(device, 295) for device in devices) == pytest.approx(4395, rel=0.005)
    assert all(device.law.current_A(0.0, 295.0, device.law.at_rest()) == 0 for device in passive)
    (mtj,) = of_truth(devices, "generating")
    assert resistance(mtj, 295) == pytest.approx(57.7e3, rel=0.005)
    assert mtj.law.current_A(0.0, 295.0, mtj.law.at_rest()) < -50e-9


def test_every_number_says_where_it_comes_from() -> None:
    for path in FOLDER.glob("*.toml"):
        for line in path.read_text("utf-8").splitlines():
            key = line.partition("=")[0].strip()
            if "=" in line and line[0] != "#" and key not in WORDS:
                comment = line.partition("#")[2].strip()
                assert comment.startswith(("choice", "Chowrira", "Katcko", "follows")), line


# Seeds and places


def test_a_seed_fixes_everything_and_another_one_moves_the_places() -> None:
    first, again, other = (parse_batch(BATCH, "mine.toml", seed) for seed in (7, 7, 8))
    assert first == again
    assert [device.truth for device in first] != [device.truth for device in other]
    assert [device.name for device in first] == [f"chip-{n:03d}" for n in range(1, 36)]
    assert all(device.law.name == device.name for device in first)


def test_a_new_population_leaves_the_numbers_of_the_others_alone() -> None:
    more = BATCH + '[[populations]]\ntruth = "short"\ncount = 3\nlike = "short"\n'
    before, after = parse_batch(BATCH, "mine.toml", 1), parse_batch(more, "mine.toml", 1)
    for truth in ("open", "generating"):
        ohms = [
            sorted(resistance(device, 40) for device in of_truth(devices, truth))
            for devices in (before, after)
        ]
        assert ohms[0] == ohms[1]


def test_values_are_drawn_inside_of_tables_and_lists() -> None:
    text = """
    device = "chip"
    [[populations]]
    truth = "C-like"
    count = 50
    like = "C"
    [populations.junction.zero_field]
    r_s_ohm = { distribution = "uniform", low = 50.0, high = 80.0 }
    v_off_V = 2.76e-3
    """
    ohms = {resistance(device, 40) for device in parse_batch(text, "mine.toml", 1)}
    assert len(ohms) == 50
    assert all(50 < ohm < 80 for ohm in ohms)


def test_a_metallic_population_may_give_its_power_instead_of_its_current() -> None:
    for device in of_truth(parse_batch(BATCH, "mine.toml", 1), "generating"):
        current = iv(device.law, 240.0)
        assert p_max_W(current, v_off_V(current, 0.0, 0.1)) == pytest.approx(30e-9, rel=0.03)


# Distributions


@given(SEEDS, st.integers(1, 60), st.floats(1e-3, 1e3), st.floats(0.01, 2))
def test_stratified_draws_have_the_median_of_their_distribution(
    seed: int, count: int, middle: float, sigma: float
) -> None:
    values = draw(LogNormal(middle, sigma, stratified=True), 2 * count - 1, random.Random(seed))
    assert median(values) == pytest.approx(middle)


def test_independent_draws_follow_their_distribution() -> None:
    source = random.Random(5)
    logs = [math.log(value) for value in draw(LogNormal(100.0, 0.3), 4000, source)]
    mean = sum(logs) / len(logs)
    spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs))
    assert mean == pytest.approx(math.log(100), abs=4 * 0.3 / math.sqrt(4000))
    assert spread == pytest.approx(0.3, rel=4 / math.sqrt(2 * 4000))
    values = draw(Uniform(2.0, 3.0), 4000, source)
    assert 2.0 < min(values) < 2.01
    assert 2.99 < max(values) < 3.0
    assert sum(values) / 4000 == pytest.approx(2.5, abs=4 / math.sqrt(12 * 4000))


# What is refused


def refusal(load: Callable[[], object]) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(BatchFileError) as caught:
        load()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


DRAW = '{ distribution = "lognormal", median = 1e12, sigma = 1.0 }'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('device = "chip"', "", ["'device' is missing"]),
        ('device = "chip"', 'device = "../chip"', ["'device'", "letters"]),
        ('device = "chip"', 'device = "c"\nseed = 3', ["'seed' is unknown", "device"]),
        ("count = 20", "count = 0", ["populations[0].count", "from 1 on", "0"]),
        ("count = 20", "count = true", ["populations[0].count"]),
        ("count = 20", "number = 20", ["populations[0].number' is unknown", "count"]),
        ("count = 20", "count = 1000000", ["1000015 devices", "100000"]),
        ('truth = "open"', "", ["populations[0].truth' is missing"]),
        ('like = "A"', 'like = "os"', ["populations[1]", "'like' is 'os'", "MTJ"]),
        ('law = "linear"', 'law = "eval"', ["populations[0].junction", "'law'", "linear"]),
        ('law = "linear"', "", ["populations[0].junction", "'law' is missing"]),
        ('law = "linear"', 'law = "linear"\nname = "x"', ["junction.name", "place"]),
        ("p_max_W = 30e-9", 'p_max_W = 30e-9\nlaw = "metallic"', ["like", "law", "not both"]),
        ("p_max_W = 30e-9", "p_max_W = 30e-9\ni_off_A = -1e-6", ["p_max_W", "i_off_A"]),
        ("p_max_W = 30e-9", "p_max_W = -30e-9", ["'p_max_W'", "above 0"]),
        ("p_max_W = 30e-9", 'p_max_W = "30 nW"', ["'p_max_W'", "'30 nW'"]),
        ("p_max_W = 30e-9", "power = 30e-9", ["populations[1].junction", "'power' is unknown"]),
        (
            DRAW,
            '{ distribution = "gauss" }',
            ["'r_s_ohm'", "'gauss'", "uniform, lognormal"],
        ),
        ("median = 1e12", "mean = 1e12", ["'r_s_ohm'", "mean is unknown", "median"]),
        ("median = 1e12, ", "", ["'r_s_ohm'", "median is missing"]),
        ("median = 1e12", "median = 0", ["'r_s_ohm'", "median = 0", "greater than 0"]),
        ("median = 1e12", 'median = "1e12"', ["'r_s_ohm'", "median", "without quotes"]),
        ("median = 1e12", "median = inf", ["'r_s_ohm'", "median", "finite"]),
        ("median = 1e12", "median = 1e30", ["'r_s_ohm'", "less than"]),
        ("sigma = 1.0", "sigma = 6.0", ["'r_s_ohm'", "sigma = 6"]),
        ("low = 200.0", "low = 400.0", ["'r_s_ohm'", "low = 400", "high = 400"]),
        ("stratified = true", "stratified = 1", ["'r_s_ohm'", "stratified", "true or false"]),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(old: str, new: str, said: list[str]) -> None:
    assert old in BATCH
    sentence = refusal(lambda: parse_batch(BATCH.replace(old, new), "mine.toml", 1))
    assert sentence.startswith("mine.toml: ")
    for words in said:
        assert words in sentence


def test_an_unknown_batch_is_told_the_built_in_names() -> None:
    sentence = refusal(lambda: load_batch("chowrira-194", 1))
    assert all(name in sentence for name in built_in_batches())


def test_what_is_no_batch_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    contents = {"broken": b"device = 1 2", "latin": b'device = "\xe9"', "empty": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    said = {"broken": "TOML", "latin": "UTF-8", "empty": "device", "folder": "cannot be read"}
    for name, words in said.items():
        sentence = refusal(partial(load_batch, tmp_path / name, 1))
        assert sentence.startswith(str(tmp_path / name))
        assert words in sentence


def test_a_file_is_loaded_from_its_path_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        path = tmp_path / f"{encoding}.toml"
        path.write_text(BATCH, encoding=encoding)
        assert load_batch(path, 3) == parse_batch(BATCH, "mine.toml", 3)


@given(st.text(max_size=200))
def test_any_stray_text_is_refused_in_one_sentence(text: str) -> None:
    refusal(lambda: parse_batch(text, "mine.toml", 1))


# What a key may be given in TOML; JSON writes the others alike.
VALUES = st.sampled_from(["[]", "{}", "inf", "nan"]) | (
    st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
).map(json.dumps)


@given(st.data())
@settings(deadline=None)
def test_any_value_at_any_key_gives_whole_junctions_or_a_refusal(data: st.DataObject) -> None:
    lines = BATCH.splitlines()
    places = [n for n, line in enumerate(lines) if "=" in line]
    place = data.draw(st.sampled_from(places))
    lines[place] = f"{lines[place].partition('=')[0]}= {data.draw(VALUES)}"
    text = "\n".join(lines)
    try:
        devices = parse_batch(text, "mine.toml", 1)
    except BatchFileError as error:
        assert str(error).startswith("mine.toml: ")
        return
    content = tomllib.loads(text)
    assert len(devices) == sum(population["count"] for population in content["populations"])
    for device in devices:
        assert math.isfinite(device.law.current_A(1e-3, 40.0, device.law.at_rest()))
