"""The common commands of IEEE 488.2 on a 2600.

Source: Series 2600B Reference Manual (2600BS-901-01), appendix "Common commands". The manual wants
each of them as a message of its own; several, joined by `;`, are taken too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.tree import whole

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600


def common_command(k: Keithley2600, message: str) -> None:
    """Carry out common commands; answers of several are joined by `;`."""
    answers = []
    for command in message.split(";"):
        if not command.strip():
            continue
        try:
            answer = _carry_out(k, command.strip())
        except TspError as error:
            k.complain(error.code, "")
            break
        if answer is not None:
            answers.append(answer)
    if answers:
        k.output.line(";".join(answers))


def _carry_out(k: Keithley2600, command: str) -> str | None:
    name, _, rest = command.partition(" ")
    given: str | None = rest.strip() or None
    queries: dict[str, Callable[[], str | int]] = {
        "*IDN?": lambda: k.identity,
        "*ESE?": lambda: k.status.standard.enable,
        "*ESR?": k.status.standard.read,
        "*OPC?": lambda: _complete(k),
        "*SRE?": lambda: k.status.request_enable,
        "*STB?": k.status.byte,
        "*TST?": lambda: 0,
    }
    commands: dict[str, Callable[[], None]] = {
        "*CLS": k.status.clear,
        "*OPC": k.note_complete,
        "*RST": lambda: _reset(k),
        "*TRG": k.trigger,
        "*WAI": k.wait_complete,
    }
    upper = name.upper()
    if upper in ("*ESE", "*SRE"):
        _enable(k, upper, given)
        return None
    if given is not None and (upper in queries or upper in commands):
        raise TspError(-108)
    if upper in queries:
        return str(queries[upper]())
    if upper not in commands:
        raise TspError(-113)
    commands[upper]()
    return None


def _complete(k: Keithley2600) -> int:
    k.wait_complete()
    return 1


def _reset(k: Keithley2600) -> None:
    with k.world.lock:
        k.world.sync(k.time_s)
        k.reset()
    k.lua.install()


def _enable(k: Keithley2600, name: str, given: Any) -> None:
    if given is None:
        raise TspError(-109)
    value = whole(0, 255)(given)
    if name == "*ESE":
        k.status.standard.enable = value
    else:
        k.status.request_enable = value
