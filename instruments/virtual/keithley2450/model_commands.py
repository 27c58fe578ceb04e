"""The commands that fill the Keithley 2450's trigger model, block by block.

Source: Model 2450 Reference Manual (2450-901-01), section 3 (trigger model), section 6
(`:TRIGger:LOAD`, `:TRIGger:BLOCk`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450.blocks import Block
from nanojunction.instruments.virtual.keithley2450.sweeps import MANY, option, text
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters, Real

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.commands import Command
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

#: A block's number, 0 for the end.
_NUMBER = Count(0, 63, 0)


def commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    return _COMMANDS


def _load(k: Keithley2450, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    kind = scpi.keyword(text(parameters[0]), ("EMPTY", "SIMPLELOOP"))
    k.acquisition.blocks = {}
    k.acquisition.state = "EMPTY"
    if kind == "SIMPLELOOP":
        count = Count(1, 268_435_455, 1).parse(option(parameters, 1, "1"))
        delay_s = Real(0.0, 1e4, 0.0).parse(option(parameters, 2, "0"))
        buffer = text(option(parameters, 3, "defbuffer1"))
        k.buffer(buffer)
        blocks = [
            Block("BUFFER_CLEAR", buffer),
            Block("DELAY_CONSTANT", delay_s=delay_s),
            Block("MEASURE", buffer, 1),
            Block("BRANCH_COUNTER", number=count, branch=2),
        ]
        k.acquisition.blocks = dict(enumerate(blocks, 1))
        k.acquisition.state = "IDLE"


def _block(least: int, most: int, make: Callable[[Keithley2450, Parameters], Block]) -> Command:
    """Return a command that puts a block at the number of its first parameter."""

    def command(k: Keithley2450, parameters: Parameters) -> None:
        if len(parameters) < 1 + least:
            raise ScpiError(-109)
        if len(parameters) > 1 + most:
            raise ScpiError(-108)
        number = Count(1, 63, 1).parse(parameters[0])
        k.acquisition.blocks[number] = make(k, parameters[1:])
        k.acquisition.state = "IDLE"

    return command


def _buffer_of(k: Keithley2450, parameters: Parameters, index: int = 0) -> str:
    name = text(option(parameters, index, "defbuffer1"))
    k.buffer(name)
    return name


def _listed(k: Keithley2450, parameters: Parameters) -> str:
    k.list_named(text(parameters[0]))
    return text(parameters[0])


_USER_DELAYS = tuple(f"{side}{n}" for side in ("SOURce", "MEASure") for n in range(1, 6))


def _show_blocks(k: Keithley2450, parameters: Parameters) -> str:
    return "\n".join(block.shown(n) for n, block in sorted(k.acquisition.blocks.items())) or "Empty"


_COMMANDS: dict[str, Command] = {
    ":TRIGger:LOAD": _load,
    ":TRIGger:BLOCk:LIST?": _show_blocks,
    ":TRIGger:BLOCk:BUFFer:CLEar": _block(
        0, 1, lambda k, p: Block("BUFFER_CLEAR", _buffer_of(k, p))
    ),
    ":TRIGger:BLOCk:CONFig:RECall": _block(
        1, 2, lambda k, p: Block("CONFIG_RECALL", _listed(k, p), MANY.parse(option(p, 1, "1")))
    ),
    ":TRIGger:BLOCk:CONFig:NEXT": _block(1, 1, lambda k, p: Block("CONFIG_NEXT", _listed(k, p))),
    ":TRIGger:BLOCk:CONFig:PREVious": _block(
        1, 1, lambda k, p: Block("CONFIG_PREV", _listed(k, p))
    ),
    ":TRIGger:BLOCk:SOURce:STATe": _block(
        1, 1, lambda k, p: Block("SOURCE_OUTPUT", number=scpi.boolean(p[0]))
    ),
    ":TRIGger:BLOCk:MEASure": _block(
        0, 2, lambda k, p: Block("MEASURE", _buffer_of(k, p), MANY.parse(option(p, 1, "1")))
    ),
    ":TRIGger:BLOCk:MDIGitize": _block(
        0, 2, lambda k, p: Block("MEASURE", _buffer_of(k, p), MANY.parse(option(p, 1, "1")))
    ),
    ":TRIGger:BLOCk:DELay:CONStant": _block(
        1, 1, lambda k, p: Block("DELAY_CONSTANT", delay_s=Real(0.0, 1e4, 0.0).parse(p[0]))
    ),
    ":TRIGger:BLOCk:DELay:DYNamic": _block(
        1, 1, lambda k, p: Block("DELAY_DYNAMIC", scpi.keyword(p[0], _USER_DELAYS))
    ),
    ":TRIGger:BLOCk:BRANch:COUNter": _block(
        2, 2, lambda k, p: Block("BRANCH_COUNTER", "", MANY.parse(p[0]), _NUMBER.parse(p[1]))
    ),
    ":TRIGger:BLOCk:BRANch:ALWays": _block(
        1, 1, lambda k, p: Block("BRANCH_ALWAYS", branch=_NUMBER.parse(p[0]))
    ),
    ":TRIGger:BLOCk:BRANch:EVENt": _block(
        2, 2, lambda k, p: Block("BRANCH_LIMIT", branch=_NUMBER.parse(p[1]))
    ),
    ":TRIGger:BLOCk:WAIT": _block(1, 5, lambda k, p: Block("WAIT")),
    ":TRIGger:BLOCk:NOTify": _block(1, 1, lambda k, p: Block("NOTIFY")),
    ":TRIGger:BLOCk:NOP": _block(0, 0, lambda k, p: Block("NO_OPERATION")),
}
