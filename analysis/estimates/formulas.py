"""The estimates that papers on spin engines make of a junction: per area, per site, per array.

Chowrira 2020 (sites under a junction); Katcko 2019 (RA product, power of an array).
"""

from __future__ import annotations

import math

from nanojunction.analysis.geometry import Area
from nanojunction.analysis.values import Quantity

COPC_SITES_PER_M2 = 0.464e18
"""Co sites in one monolayer of CoPc: Chowrira 2020 counts 98400 under 300 nm in 3 ML, which is one
molecule on 2.15 nm²."""
COPC_LAYERS = 3.0
COPC_SOURCE = "Chowrira 2020: 98400 sites in 3 ML of CoPc under a diameter of 300 nm"

_UM2_PER_M2 = 1e12
_CM2_PER_M2 = 1e4


def ra_product(resistance: Quantity, area: Area) -> Quantity:
    """Return R × area in Ω·µm² (Katcko 2019, Methods); `stderr` has both errors, apart in `extra`.

    >>> from nanojunction.analysis.geometry import parse_area
    >>> found = ra_product(Quantity(57.7e3, 100.0), parse_area("20 um", "diameter", "Methods"))
    >>> print(f"{found.value:.3g} ± {found.stderr:.2g} Ω·µm²")
    1.81e+07 ± 3.1e+04 Ω·µm²
    >>> rough = parse_area("20 um ± 1 um", "diameter", "lithography")
    >>> print(f"{ra_product(Quantity(4395.0, 0.0), rough).stderr:.2g} Ω·µm²")
    1.4e+05 Ω·µm²
    """
    if resistance.value is None:
        return Quantity(None, note=resistance.note)
    value = resistance.value * area.area_m2 * _UM2_PER_M2
    of_r = None if resistance.stderr is None else resistance.stderr * area.area_m2 * _UM2_PER_M2
    of_area = abs(value) * area.relative_error
    extra = {
        **{k: resistance.extra[k] for k in ("convention", "window_V") if k in resistance.extra},
        "stderr_of_r_s": of_r,
        "stderr_of_area": of_area,
        "area": area.stated,
        "area_source": area.source,
    }
    stderr = None if of_r is None else math.hypot(of_r, of_area)
    return Quantity(value, stderr, resistance.note, extra=extra)


def paramagnetic_sites(
    area_m2: float, layers: float = COPC_LAYERS, sites_per_m2: float = COPC_SITES_PER_M2
) -> float:
    """Return how many paramagnetic centres lie under a junction: area × layers × areal density.

    The default is Chowrira's count for CoPc; how many of them take part is not known.

    >>> from nanojunction.analysis.geometry import circle_m2
    >>> round(paramagnetic_sites(circle_m2(300e-9)), -2)
    98400.0
    """
    for name, value in (("area_m2", area_m2), ("layers", layers), ("sites_per_m2", sites_per_m2)):
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} is {value}: give a number above 0")
    return area_m2 * layers * sites_per_m2


def areal_power_density(power_W: float, pitch_m: float) -> float:
    """Return the power of an array in W/m²: one junction of this power in each pitch × pitch.

    It assumes that every junction delivers as much, whatever its size, and that nothing is lost on
    the way. Katcko's 0.1 nW at a pitch of 90 nm is 1.23 W/cm² (the article prints 29.4 W/cm²).

    >>> print(f"{areal_power_density(0.1e-9, 90e-9) / 1e4:.2f} W/cm²")
    1.23 W/cm²
    """
    if not 0.0 < pitch_m < math.inf:
        raise ValueError(f"pitch_m is {pitch_m}: give the distance between junctions in m, above 0")
    return power_W / pitch_m**2
