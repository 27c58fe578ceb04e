"""What the drivers of source-meters share: names, time-outs, readings of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.roles import Function, Reading, SourceSettings, TimedReading

SCPI: dict[Function, str] = {"voltage": "VOLT", "current": "CURR"}
#: What stands for a reading that was not taken or went over range.
NOT_A_READING = 9.9e37
#: Most levels of a list, and of one message that loads them (2400: section 18, `:SOURce:LIST`;
#: 2450: section 6, `:SOURce:LIST:<function>:APPend`).
LONGEST_LIST, LEVELS_A_MESSAGE = 2500, 100


def other(function: Function) -> Function:
    """Return the function that is not sourced."""
    return "current" if function == "voltage" else "voltage"


def longest_reading_s(settings: SourceSettings) -> float:
    """Return what one reading may take (s): settling, and voltage, zero and reference at 50 Hz.

    With autozero each of the two functions takes three conversions; autorange may repeat them.
    """
    conversions = 2 * (3 if settings.autozero else 1) * settings.filter_count
    repeats = 1 if settings.measure_range is not None else 3
    return settings.settle_s + repeats * conversions * settings.nplc / 50.0


def check_length(where: str, levels: Sequence[float]) -> None:
    """Raise ValueError for a list that is empty or longer than an instrument takes."""
    if not 1 <= len(levels) <= LONGEST_LIST:
        raise ValueError(f"{where}: a list has 1 to {LONGEST_LIST} levels, not {len(levels)}")


def list_messages(quantity: str, levels: Sequence[float]) -> Iterator[str]:
    """Yield the messages that load a list, a hundred levels each."""
    command = f":SOUR:LIST:{quantity}"
    for first in range(0, len(levels), LEVELS_A_MESSAGE):
        part = levels[first : first + LEVELS_A_MESSAGE]
        yield f"{command} " + ",".join(f"{level:.9g}" for level in part)
        command = f":SOUR:LIST:{quantity}:APP"


def no_overflow(where: str, *values: float) -> None:
    """Raise InstrumentFault for a reading that went over range."""
    if any(abs(value) >= NOT_A_READING for value in values):
        raise InstrumentFault(
            f"{where}: a reading went over range; choose a larger measuring "
            "range or let the instrument choose it"
        )


def timed(reading: Reading, at_s: float) -> TimedReading:
    """Return a reading of a list, `at_s` after its first."""
    return TimedReading(
        reading.voltage_V, reading.current_A, reading.in_compliance, reading.measure_range, at_s
    )


def no_error(where: str, answer: str) -> None:
    """Raise InstrumentFault unless the answer to `:SYSTem:ERRor?` is that there is none."""
    code, _, text = answer.strip().partition(",")
    if code.strip().lstrip("+-") != "0":
        raise InstrumentFault(f"{where}: refused a list ({code}, {text})")


def rows_of(where: str, answer: str, count: int, elements: int) -> list[list[float]]:
    """Return the numbers of a list's readings, one row a level; raises InstrumentFault."""
    texts = answer.strip().split(",")
    if len(texts) != elements * count:
        raise InstrumentFault(
            f"{where}: answered {len(texts)} numbers to a list of {count} levels, "
            f"where {elements} a level were expected"
        )
    try:
        numbers = [float(text) for text in texts]
    except ValueError as problem:
        raise InstrumentFault(f"{where}: an answer makes no sense ({problem})") from problem
    return [numbers[i : i + elements] for i in range(0, len(numbers), elements)]
