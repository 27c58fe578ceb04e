"""Every constant of the virtual world, with its unit and where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Constants of the cryostat, the magnet and the measuring line.

    docs/virtual-cryostat.md says for each whether a manual or a choice fixes it.
    Raises ValueError for a number that is not finite, negative where that has no
    meaning, or a damping ratio outside of 0 … 1.
    """

    # Cryostat: variable-temperature insert (VTI) and sample
    initial_temperature_K: float = 295.0
    base_temperature_K: float = 4.2
    heater_full_power_K: float = 420.0  # what 100 % would settle at
    heater_max_voltage_V: float = 40.0
    open_loop_time_s: float = 300.0
    loop_frequency_rad_per_s: float = 0.06
    loop_damping: float = 0.75
    sample_lag_s: float = 30.0
    sensor_noise_K: float = 0.002
    sensor_drift_K: float = 0.002
    sensor_drift_period_s: float = 1700.0
    helium_level_percent: float = 80.0
    helium_loss_percent_per_h: float = 0.5

    # Magnet: superconducting coil with a switch heater
    coil_T_per_A: float = 0.08
    max_field_T: float = 7.0
    max_rate_T_per_min: float = 1.0
    initial_rate_T_per_min: float = 0.3
    switch_warm_s: float = 15.0
    switch_cool_s: float = 15.0
    switch_fitted: bool = True
    switch_heater_current_mA: float = 20.0
    quench_mismatch_T: float = 0.1
    quench_decay_s: float = 5.0
    inductance_H: float = 12.0
    magnet_lead_resistance_ohm: float = 0.004

    # Field probe at the junction
    field_probe_offset_T: float = 3e-5
    field_probe_noise_T: float = 5e-6

    # Measuring line
    line_frequency_Hz: float = 50.0
    lead_resistance_ohm: float = 0.3
    source_gain_error: float = 2e-5
    source_offset_V: float = 2e-6
    source_offset_of_range: float = 1e-6
    voltmeter_gain_error: float = -1e-5
    voltmeter_offset_V: float = 5e-6
    voltmeter_offset_of_range: float = 2e-7
    voltmeter_noise_of_range: float = 2e-6  # at NPLC 1
    voltmeter_pickup_V: float = 5e-6
    ammeter_gain_error: float = 3e-5
    ammeter_offset_A: float = 1e-10
    ammeter_offset_of_range: float = 5e-7
    ammeter_noise_A: float = 8.7e-12  # at NPLC 1
    ammeter_noise_of_range: float = 5e-6  # at NPLC 1
    ammeter_pickup_of_range: float = 1e-5

    def __post_init__(self) -> None:
        signed = {
            "field_probe_offset_T",
            "source_gain_error",
            "source_offset_V",
            "source_offset_of_range",
            "voltmeter_gain_error",
            "voltmeter_offset_V",
            "voltmeter_offset_of_range",
            "ammeter_gain_error",
            "ammeter_offset_A",
            "ammeter_offset_of_range",
        }
        positive = {
            "open_loop_time_s",
            "loop_frequency_rad_per_s",
            "sample_lag_s",
            "sensor_drift_period_s",
            "coil_T_per_A",
            "max_field_T",
            "max_rate_T_per_min",
            "initial_rate_T_per_min",
            "quench_decay_s",
            "line_frequency_Hz",
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"world setting {field.name} must be finite, not {value}")
            if field.name not in signed and value < 0.0:
                raise ValueError(f"world setting {field.name} must not be negative, not {value:g}")
            if field.name in positive and value == 0.0:
                raise ValueError(f"world setting {field.name} must be above zero")
        if not 0.0 < self.loop_damping < 1.0:
            raise ValueError(
                f"world setting loop_damping must lie between 0 and 1, not {self.loop_damping:g}"
            )
        if self.heater_full_power_K <= self.base_temperature_K:
            raise ValueError(
                "world setting heater_full_power_K must lie above base_temperature_K "
                f"({self.base_temperature_K:g} K), not at {self.heater_full_power_K:g} K"
            )
