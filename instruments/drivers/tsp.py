"""The Lua that the driver of the Keithley 2600 series sends: settings, a reading, a list.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7. Only the own channel is touched;
what both share (format, error queue) is left as it was found.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanojunction.instruments.roles import Function, OutputOff, SourceSettings

#: About how many characters a line has at most.
LINE = 800
OUTPUT_OFF: dict[OutputOff, str] = {
    "high-impedance": "OUTPUT_HIGH_Z",
    "normal": "OUTPUT_NORMAL",
    "zero": "OUTPUT_ZERO",
}
#: The letter of a function in the names of attributes.
LETTER: dict[Function, str] = {"voltage": "v", "current": "i"}


def other(source: Function) -> str:
    """Return the letter of the quantity that is measured while `source` is sourced."""
    return "i" if source == "voltage" else "v"


def settings_lines(smu: str, settings: SourceSettings) -> list[str]:
    """Return the lines that reset a channel and apply settings to it.

    Reset and output-off mode go in one line: between them the terminals would be at 0 V.
    """
    own, measured = LETTER[settings.source], other(settings.source)
    function = "OUTPUT_DCVOLTS" if own == "v" else "OUTPUT_DCAMPS"
    sense = "SENSE_REMOTE" if settings.wires == 4 else "SENSE_LOCAL"
    # Once takes zero and reference for the aperture, then never again.
    zero = "AUTOZERO_AUTO" if settings.autozero else "AUTOZERO_ONCE"
    # The automatic delay serves the small ranges while they are looked for; on a locked range
    # the wait is the one that was asked for.
    delay = "DELAY_AUTO" if settings.measure_range is None else "DELAY_OFF"
    filtered = "FILTER_ON" if settings.filter_count > 1 else "FILTER_OFF"
    return [
        f"{smu}.reset() {smu}.source.offmode = {smu}.{OUTPUT_OFF[settings.output_off]}",
        f"{smu}.source.func = {smu}.{function} {smu}.source.level{own} = 0 "
        f"{smu}.sense = {smu}.{sense}",
        f"{smu}.source.limit{measured} = {settings.compliance:.9g}",
        _range(smu, "source", own, settings.source_range),
        _range(smu, "measure", measured, settings.measure_range),
        f"{smu}.measure.nplc = {settings.nplc:.9g} {smu}.measure.autozero = {smu}.{zero}",
        f"{smu}.measure.filter.type = {smu}.FILTER_REPEAT_AVG "
        f"{smu}.measure.filter.count = {settings.filter_count} "
        f"{smu}.measure.filter.enable = {smu}.{filtered}",
        f"{smu}.source.delay = {settings.settle_s:.9g} {smu}.measure.delay = {smu}.{delay}",
    ]


def _range(smu: str, side: str, letter: str, value: float | None) -> str:
    if value is None:
        return f"{smu}.{side}.autorange{letter} = {smu}.AUTORANGE_ON"
    return f"{smu}.{side}.range{letter} = {value:.9g}"


def level(smu: str, source: Function, value: float) -> str:
    """Return the Lua that sets the level (V or A)."""
    return f"{smu}.source.level{LETTER[source]} = {value:.9g}"


def reading(smu: str, source: Function) -> str:
    """Return the Lua that prints voltage, current, compliance and measuring range of a reading.

    The numbers are written here, since the format that is set belongs to everybody.
    """
    return (
        f'local i, v = {smu}.measure.iv() print(string.format("%.9e %.9e %s %.9g", v, i, '
        f"tostring({smu}.source.compliance), {smu}.measure.range{other(source)}))"
    )


def list_script(
    smu: str, source: Function, levels: Sequence[float], *, automatic_range: bool
) -> list[str]:
    """Return a script whose trigger model goes through the levels (V or A), measuring at each.

    It prints voltage, current, time (s), status and measuring range of each reading. The sweep
    holds its last level at its end; writing that level then makes it the programmed one. An
    automatic source range is, for the list, the smallest that holds all its levels.
    """
    own, measured, count = LETTER[source], other(source), len(levels)
    trigger, buffer = f"{smu}.trigger", f"{smu}.makebuffer({count})"
    widest = f"math.max({max(map(abs, levels)):.9g}, math.abs({smu}.source.level{own}))"
    statements = [
        f"local i, v = {buffer}, {buffer} i.collecttimestamps = 1",
        f"{smu}.source.range{own} = {widest}" if automatic_range else "",
        f"{trigger}.source.list{own}(levels) {trigger}.source.action = {smu}.ENABLE",
        f"{trigger}.source.limit{measured} = {smu}.LIMIT_AUTO",
        f"{trigger}.measure.iv(i, v) {trigger}.measure.action = {smu}.ENABLE",
        f"{trigger}.count = {count} {trigger}.arm.count = 1",
        f"{trigger}.endpulse.action = {smu}.SOURCE_HOLD",
        f"{trigger}.endsweep.action = {smu}.SOURCE_HOLD",
        f"{trigger}.initiate() waitcomplete()",
        f"if i.n == {count} then {smu}.source.level{own} = levels[{count}] end",
        f"{smu}.source.autorange{own} = {smu}.AUTORANGE_ON" if automatic_range else "",
    ]
    show = (
        "local data, digits = format.data, format.asciiprecision "
        "format.data = format.ASCII format.asciiprecision = 10 "
        f"printbuffer(1, i.n, v, i, i.timestamps, i.statuses, {measured}.measureranges) "
        "format.data = data format.asciiprecision = digits"
    )
    add = (
        "local levels = {} local function add(more) "
        "for k = 1, table.getn(more) do table.insert(levels, more[k]) end end"
    )
    parts = _lines([f"{value:.9g}" for value in levels], ",")
    return [
        "loadandrunscript",
        add,
        *(f"add({{{part}}})" for part in parts),
        *_lines([one for one in statements if one], " "),
        show,
        "endscript",
    ]


def _lines(words: Sequence[str], between: str) -> list[str]:
    """Join words to lines of about `LINE` characters."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < LINE:
            lines[-1] += between + word
        else:
            lines.append(word)
    return lines
