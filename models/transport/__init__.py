"""The four-site spin engine of Katcko 2019: currents of both spins and states, TMR, power.

| | |
|---|---|
| `spin_engine(bias_mV, …)` | both spins' currents for arrays of voltages and parameters |
| `SpinEngine`, `PARALLEL`, `ANTIPARALLEL` | the parameters of a magnetic state, as published |
| `Currents` | `up_A`, `down_A`, `total_A`, `power_W` |
| `tmr(parallel_A, antiparallel_A)` | I_P/I_AP − 1, masked where I_AP is zero |
| `CurrentTable` | I(V, T) of a state, tabulated for a junction that is asked again and again |
"""

from nanojunction.models.transport.spin_engine import (
    ANTIPARALLEL,
    PARALLEL,
    Currents,
    Sites,
    SpinEngine,
    spin_engine,
    tmr,
)
from nanojunction.models.transport.table import CurrentTable

__all__ = [
    "ANTIPARALLEL",
    "PARALLEL",
    "CurrentTable",
    "Currents",
    "Sites",
    "SpinEngine",
    "spin_engine",
    "tmr",
]
