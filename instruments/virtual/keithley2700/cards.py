"""The 77xx switching modules that a virtual Keithley 2700 can hold: channels, pairs, isolation.

Source: Model 2700 User's Manual (2700-900-01), section 2 and table 15-7; the modules' own guides.
The numbers of the relays to the backplane on 7703, 7706 and 7708, and the times of 7705 and 7706,
are taken by analogy with the 7702: whoever closes these relays by hand should look at the guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One switching module; its channels are numbered from 1.

    `volts` are the channels that the system closes one at a time for volts and ohms (on the 7705
    they lead to no DMM), `amps` those for current; with a four-wire function a channel of `paired`
    closes with the one that lies `pair` above it. `pole`, `sense` and `input` are the 2-pole/4-pole
    relay and the isolation relays of the backplane.
    """

    model: str
    channels: int
    volts: range = range(0)
    amps: range = range(0)
    pair: int = 0
    paired: range = range(0)
    pole: int = 0
    sense: int = 0
    input: int = 0
    max_V: int = 300
    actuation_s: float = 3e-3
    multiplexer: bool = True
    compensated: bool = False
    analog_outputs: range = range(0)
    digital_outputs: range = range(0)
    totalizer: int = 0

    def measuring(self, four_wire: bool, amps: bool) -> range:
        """Return the channels that the system can close for a function."""
        if amps:
            return self.amps
        return self.paired if four_wire else self.volts

    def system(self, channel: int, four_wire: bool, amps: bool) -> tuple[int, ...]:
        """Return what closes with a channel in system channel operation, itself first."""
        if amps:
            return (channel,)
        along = (channel + self.pair, self.pole, self.sense) if four_wire else ()
        return tuple(c for c in (channel, *along, self.input) if c)


CARDS: Mapping[str, Card] = {
    card.model: card
    for card in (
        Card("7700", 25, range(1, 21), range(21, 23), 10, range(1, 11), 23, 24, 25,
             compensated=True),
        Card("7702", 45, range(1, 41), range(41, 43), 20, range(1, 21), 43, 44, 45),
        Card("7703", 35, range(1, 33), range(0), 16, range(1, 17), 33, 34, 35,
             actuation_s=1e-3),
        Card("7705", 40, range(1, 41), multiplexer=False),
        Card("7706", 28, range(1, 21), range(0), 10, range(1, 11), 26, 27, 28,
             compensated=True, digital_outputs=range(21, 23), analog_outputs=range(23, 25),
             totalizer=25),
        Card("7708", 43, range(1, 41), range(0), 20, range(1, 21), 41, 42, 43,
             compensated=True),
        Card("7709", 50, range(1, 9), range(0), 12, range(1, 5), 0, 49, 50,
             multiplexer=False),
    )
}  # fmt: skip
