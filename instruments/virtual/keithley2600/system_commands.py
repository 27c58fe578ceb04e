"""The commands beside the channels: `localnode`, `errorqueue`, `trigger`, `display` and others.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.timeline import Blender, Timer
from nanojunction.instruments.virtual.keithley2600.tree import (
    Attribute,
    Entry,
    Function,
    Group,
    flag,
    held,
    kept,
    number,
    text,
    whole,
)

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600

#: Numbers of events; the manual gives them names only.
COMMAND_EVENT, FIRST_BLENDER, FIRST_TIMER, FIRST_LINE = 40, 50, 60, 70
_BLENDERS, _TIMERS, _LINES = 6, 8, 14
_SWITCH = whole(0, 1)


def system_entries(k: Keithley2600) -> dict[str, Entry]:
    """Return the global names of the instrument, without its channels."""
    return {
        "localnode": localnode(k),
        "errorqueue": errorqueue(k),
        "format": k.output.group(),
        "status": k.status.group(),
        "display": display(),
        "beeper": Group(enable=kept(1, _SWITCH), beep=Function(_beep)),
        "trigger": trigger(k),
        "timer": Group(
            reset=Function(k.reset_timer),
            measure=Group(t=Function(k.timer_s)),
        ),
        "digio": digio(),
        "tsplink": Group(
            node=kept(1, whole(1, 64)), state="online", master=1, reset=Function(lambda *_: 1)
        ),
        "setup": Group(
            save=Function(lambda *_: None),
            recall=Function(lambda *_: k.reset()),
            poweronsetup=kept(0, whole()),
        ),
        "delay": Function(k.delay, waits=True),
        "waitcomplete": Function(lambda *_: k.wait_complete(), waits=True),
        "opc": Function(k.note_complete),
        "reset": Function(lambda *_: k.reset()),
        **k.output.functions(),
    }


def localnode(k: Keithley2600) -> Group:
    """Return `localnode`."""
    maker, model, serial, revision = (part.strip() for part in k.identity.split(","))
    return Group(
        model=model.removeprefix("Model "),
        serialno=serial,
        revision=revision,
        description=kept(f"{maker} {model}", text),
        linefreq=Attribute(lambda: k.world.settings.line_frequency_Hz, _line_frequency),
        autolinefreq=kept(True, flag),
        prompts=held(k, "prompts", _SWITCH),
        prompts4882=kept(1, _SWITCH),
        showerrors=held(k, "show_errors", _SWITCH),
        passwordmode=kept(0, whole(0, 3)),
        reset=Function(k.reset),
    )


def _line_frequency(value: Any) -> None:
    if number()(value) not in (50.0, 60.0):
        raise TspError(-222)


def errorqueue(k: Keithley2600) -> Group:
    """Return `errorqueue`."""

    def oldest() -> tuple[float, str, float, float]:
        entry = k.errors.pop()
        return entry.code, entry.message, entry.severity, 1

    return Group(
        count=Attribute(lambda: len(k.errors)),
        next=Function(oldest),
        clear=Function(k.errors.clear),
    )


def trigger(k: Keithley2600) -> Group:
    """Return `trigger`: the command interface's event, timers and blenders."""
    blenders, timers = Group(), Group()
    for n in range(1, _BLENDERS + 1):
        blender = Blender(FIRST_BLENDER + n)
        k.timeline.blenders.append(blender)
        blenders.entries[n] = Group(
            EVENT_ID=blender.event,
            orenable=held(blender, "orenable", flag),
            stimulus=_stimuli(blender),
            clear=Function(blender.seen.clear),
            reset=Function(blender.reset),
        )
    for n in range(1, _TIMERS + 1):
        timer = Timer(FIRST_TIMER + n)
        k.timeline.timers.append(timer)
        timers.entries[n] = Group(
            EVENT_ID=timer.event,
            count=held(timer, "count", whole(0, 1_048_575)),
            delay=held(timer, "delay", number(5e-7, 1e5)),
            passthrough=held(timer, "passthrough", flag),
            stimulus=held(timer, "stimulus", whole()),
            clear=Function(lambda: None),
            reset=Function(timer.reset),
        )
    return Group(
        EVENT_ID=COMMAND_EVENT,
        blender=blenders,
        timer=timers,
        clear=Function(k.clear_trigger),
        wait=Function(k.wait_trigger, waits=True),
    )


def _stimuli(blender: Blender) -> Group:
    """Return the numbered stimuli of a blender."""

    def numbered(n: int) -> Attribute:
        def write(value: Any) -> None:
            blender.stimuli[n] = whole()(value)

        return Attribute(lambda: blender.stimuli[n], write)

    group = Group()
    group.entries.update({n: numbered(n) for n in blender.stimuli})
    return group


def display() -> Group:
    """Return `display`: what is shown is kept and answered, nothing more."""
    shown = [""]

    def settext(words: Any = None) -> None:
        shown[0] = text(words)

    def clear() -> None:
        shown[0] = ""

    def channel() -> Group:
        return Group(
            digits=kept(5, whole(4, 6)),
            measure=Group(func=kept(1, whole(0, 3))),
            limit=Group(func=kept(0, whole(0, 1))),
        )

    return Group(
        screen=kept(2, whole(0, 3)),
        locallockout=kept(0, _SWITCH),
        smua=channel(),
        smub=channel(),
        settext=Function(settext),
        gettext=Function(lambda *_: shown[0]),
        setcursor=Function(lambda *_: None),
        getcursor=Function(lambda: (1, 1, 0)),
        clear=Function(clear),
        sendkey=Function(lambda code=None: whole(65, 115)(code) and None),
        SMUA=0, SMUB=1, SMUA_SMUB=2, USER=3,
        MEASURE_DCAMPS=0, MEASURE_DCVOLTS=1, MEASURE_OHMS=2, MEASURE_WATTS=3,
        DIGITS_4_5=4, DIGITS_5_5=5, DIGITS_6_5=6, LOCK=1, UNLOCK=0,
    )  # fmt: skip


def _beep(duration: Any = None, frequency: Any = None) -> None:
    number(0.001, 100.0)(duration)
    number(20.0, 20_000.0)(frequency)


def digio() -> Group:
    """Return `digio`: fourteen lines that nothing is wired to."""
    port = [0x3FFF]

    def read_bit(n: Any = None) -> float:
        return float(port[0] >> (whole(1, _LINES)(n) - 1) & 1)

    def write_bit(n: Any = None, value: Any = None) -> None:
        bit = 1 << (whole(1, _LINES)(n) - 1)
        port[0] = port[0] | bit if _SWITCH(value) else port[0] & ~bit

    def write_port(value: Any = None) -> None:
        port[0] = whole(0, 0x3FFF)(value)

    lines = Group()
    for n in range(1, _LINES + 1):
        lines.entries[n] = Group(
            EVENT_ID=FIRST_LINE + n,
            mode=kept(0, whole(0, 8)),
            pulsewidth=kept(1e-5, number(0.0)),
            stimulus=kept(0, whole()),
            clear=Function(lambda: None),
            release=Function(lambda: None),
            reset=Function(lambda: None),
            **{"assert": Function(lambda: None)},
        )
    return Group(
        readbit=Function(read_bit),
        writebit=Function(write_bit),
        readport=Function(lambda: port[0]),
        writeport=Function(write_port),
        writeprotect=kept(0, whole(0, 0x3FFF)),
        trigger=lines,
    )
