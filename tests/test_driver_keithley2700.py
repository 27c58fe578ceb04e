"""What the driver of the Keithley 2700 sends and makes of the answers, on a real socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.keithley2700 import Keithley2700Switch, open_keithley2700
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2700,1234567,B09  /A02")
NO_ERROR = ("SYST:ERR?", '0,"No error"')
OPEN = [IDN, NO_ERROR, ("*OPT?", "7709,7702")]
POSITIONS = {
    "A": Wiring(normal=(101, 117), reversed=(109, 125)),
    "B": Wiring(normal=(102, 118)),
}


def closed(answer: str) -> tuple[str, str]:
    return ("ROUT:MULT:CLOS?", f"(@{answer})")


@pytest.fixture
def switch(scripted: Any) -> Callable[..., Keithley2700Switch]:
    """Return a factory of drivers in front of an instrument that follows a script."""

    def make(*script: tuple[str, str | None], **changes: Any) -> Keithley2700Switch:
        server = scripted([*OPEN, *script])
        return open_keithley2700(config(server.address, **changes), Clock())

    return make


def config(address: str, **changes: Any) -> SwitchConfig:
    keys = {"positions": POSITIONS, "short": (108, 124), **changes}
    return SwitchConfig(driver="keithley2700", address=address, visa_library="@py", **keys)


def test_it_breaks_before_it_makes_and_asks_back_each_time(switch: Any) -> None:
    one = switch(
        closed("101,108,117,124"),
        ("ROUT:MULT:OPEN (@101,117)", None),
        closed("108,124"),
        ("ROUT:MULT:CLOS (@102,118)", None),
        closed("102,108,118,124"),
        closed("102,108,118,124"),
        closed("102,108,118,124"),
        ("ROUT:MULT:OPEN (@108,124)", None),
        closed("102,118"),
        closed("102,118"),
    )
    one.connect("B")  # the short stays as it is
    assert one.is_shorted()
    one.remove_short()
    assert one.connected() == Connected("B")
    one.close()


def test_the_other_way_round(switch: Any) -> None:
    one = switch(
        closed(""), ("ROUT:MULT:CLOS (@109,125)", None), closed("109,125"), closed("109,125")
    )
    assert one.can_reverse("A")
    one.connect("A", reverse=True)
    assert one.connected() == Connected("A", is_reversed=True)
    one.close()


def test_what_is_connected_already_does_not_move(switch: Any) -> None:
    one = switch(closed("101,117"))
    one.connect("A")
    one.close()


def test_contacts_that_nobody_wired_are_opened_too(switch: Any) -> None:
    one = switch(closed("101,117,150"), ("ROUT:MULT:OPEN (@150)", None), closed("101,117"))
    one.connect("A")
    one.close()


def test_a_contact_that_does_not_open_is_named_before_another_one_closes(switch: Any) -> None:
    one = switch(
        closed("101,117"),
        ("ROUT:MULT:OPEN (@101,117)", None),
        closed("117"),
        ("SYST:ERR?", '-200,"Execution error"'),
        NO_ERROR,
    )
    words = r'could not connect position B: contacts 117 are closed \(-200, "Execution error"\)'
    with pytest.raises(InstrumentFault, match=words):
        one.connect("B")
    one.close()


def test_a_contact_that_does_not_close_is_named(switch: Any) -> None:
    one = switch(closed(""), ("ROUT:MULT:CLOS (@108,124)", None), closed("108"), NO_ERROR)
    with pytest.raises(InstrumentFault, match="short the source-meter's leads: contacts 124 are o"):
        one.short_all()
    one.close()


def test_all_contacts_open(switch: Any) -> None:
    one = switch((":ROUTe:OPEN:ALL", None), closed(""), (":ROUTe:OPEN:ALL", None), closed("224"),
                 NO_ERROR)  # fmt: skip
    one.open_all()
    with pytest.raises(InstrumentFault, match="could not open all: contacts 224 are closed"):
        one.open_all()
    one.close()


@pytest.mark.parametrize("contacts", ["101", "101,117,102,118", "101,117,109,125"])
def test_closed_contacts_that_are_not_one_position(switch: Any, contacts: str) -> None:
    one = switch(closed(contacts))
    with pytest.raises(InstrumentFault, match=r"closed contacts 101.* are not those of one pos"):
        one.connected()
    one.close()


def test_nothing_connected(switch: Any) -> None:
    one = switch(closed("108,124"))
    assert one.connected() is None
    one.close()


def test_an_answer_that_is_no_list(switch: Any) -> None:
    one = switch(("ROUT:MULT:CLOS?", "101 maybe"))
    with pytest.raises(InstrumentFault, match="answered '101 maybe' where the closed contacts"):
        one.connected()
    one.close()


def test_a_position_that_is_not_wired(switch: Any) -> None:
    one = switch()
    assert one.positions == ("A", "B")
    assert not one.can_reverse("B")
    with pytest.raises(InstrumentFault, match=r"B is not wired.*switch\.positions\.B\.reversed"):
        one.connect("B", reverse=True)
    with pytest.raises(StationError, match="no position 'C'; it has A, B"):
        one.connect("C")
    one.close()


def test_without_a_short(switch: Any) -> None:
    one = switch(short=())
    assert not one.is_shorted()
    with pytest.raises(StationError, match=r"there is no short: list the contacts .*switch\.short"):
        one.short_all()
    one.close()


def test_the_snapshot_is_what_the_instrument_reports(switch: Any) -> None:
    one = switch(closed("108,109,124,125"))
    assert one.snapshot() == {
        "identity": IDN[1],
        "position": "A",
        "reversed": True,
        "shorted": True,
        "closed_contacts": [108, 109, 124, 125],
        "cards": {"1": "7709", "2": "7702"},
    }
    one.close()


@pytest.mark.parametrize(
    ("cards", "changes", "words"),
    [
        ("NONE,7709", {}, r"switch\.short: there is no contact 108 \(installed are slot 1: NONE,"),
        ("7700, NONE", {}, r"switch\.short: there is no contact 108 \(installed are slot 1: 7700"),
        ("7709,NONE", {"short": (151,)}, r"no contact 151"),
        ("7709,NONE", {"short": (100,)}, r"no contact 100"),
        ("7709,NONE", {"short": (301,)}, r"no contact 301"),
        (
            "7705,NONE",
            {"positions": {"A": Wiring(normal=(101,), reversed=(141,))}, "short": ()},
            r"switch\.positions\.A\.reversed: there is no contact 141",
        ),
    ],
)
def test_contacts_that_the_cards_do_not_have(
    scripted: Any, cards: str, changes: dict[str, Any], words: str
) -> None:
    server = scripted([IDN, NO_ERROR, ("*OPT?", cards)])
    if cards.startswith("7700"):
        changes = {"short": (126,), **changes}
        words = words.replace("108", "126")
    with pytest.raises(StationError, match=words):
        open_keithley2700(config(server.address, **changes), Clock())


def test_something_else_at_the_address(scripted: Any) -> None:
    server = scripted([("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1,C32")])
    with pytest.raises(WrongInstrument, match="MODEL 2400,1,C32', which is no Keithley 2700"):
        open_keithley2700(config(server.address), Clock())


def test_what_another_program_left_in_the_error_queue_is_read_away(scripted: Any) -> None:
    server = scripted(
        [IDN, ("SYST:ERR?", '-113,"Undefined header"'), NO_ERROR, ("*OPT?", "7709,7702")]
    )
    open_keithley2700(config(server.address), Clock()).close()
