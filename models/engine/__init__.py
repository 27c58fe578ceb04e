"""The quantum-measurement engine of Lamblin & Bowen, Phys. Rev. B 109, 165423 (2024).

Two quantum dots between two ferromagnetic leads. A cycle is a stroke, in which the leads and, if
there are any, bosons act for a time τ, and a measurement of one dot, which destroys the coherence
between the dots and so changes their energy by ΔE. ħ = 1, energies in meV, times in 1/meV
(0.658 ps).

- `Engine`, `populations_of`: the parameters, and where it starts; `preset`: those of the figures
- `cycle_of`: the cycle as an 8×8 map; `limit_populations`, `delta_e_limit_meV`, `relaxation_cycles`
- `delta_e_meV`, `delta_e_of_cycle_meV`, `populations_after`: outcomes not read
- `selective_trajectory`: outcomes read
- `energy_balance`, `power_W`, `stroke_s`, `sign_of_delta_e_limit`
- `perturbative_delta_e_meV`, `critical_down_population`: to first order in γ

Numbers may be arrays: an `Engine` of arrays is as many engines, and so are its cycle and its limit.

>>> pump = preset("fig6a")
>>> cycle = cycle_of(pump.engine, pump.tau_per_meV)
>>> f"{delta_e_limit_meV(cycle):.3f} meV"
'0.548 meV'
"""

from nanojunction.models.engine.cycle import (
    Cycle,
    cycle_of,
    delta_e_limit_meV,
    limit_populations,
    relaxation_cycles,
)
from nanojunction.models.engine.energy import (
    EnergyBalance,
    energy_balance,
    power_W,
    sign_of_delta_e_limit,
    stroke_s,
)
from nanojunction.models.engine.parameters import KETS, Engine, populations_of
from nanojunction.models.engine.perturbative import (
    critical_down_population,
    perturbative_delta_e_meV,
)
from nanojunction.models.engine.presets import PRESETS, Measurement, Preset, preset
from nanojunction.models.engine.selective import Observable, Trajectory, selective_trajectory
from nanojunction.models.engine.unselective import (
    delta_e_meV,
    delta_e_of_cycle_meV,
    populations_after,
)

__all__ = [
    "KETS",
    "PRESETS",
    "Cycle",
    "EnergyBalance",
    "Engine",
    "Measurement",
    "Observable",
    "Preset",
    "Trajectory",
    "critical_down_population",
    "cycle_of",
    "delta_e_limit_meV",
    "delta_e_meV",
    "delta_e_of_cycle_meV",
    "energy_balance",
    "limit_populations",
    "perturbative_delta_e_meV",
    "populations_after",
    "populations_of",
    "power_W",
    "preset",
    "relaxation_cycles",
    "selective_trajectory",
    "sign_of_delta_e_limit",
    "stroke_s",
]
