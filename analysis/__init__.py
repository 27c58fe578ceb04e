"""From a run file to quantities, fits and a report; pure: no VISA, no Qt.

    >>> from importlib.resources import files
    >>> from pathlib import Path
    >>> campaign = Path(str(files("nanojunction.sample_data"))) / "campaign"

    >>> from nanojunction.analysis import analyse_iv, load_run
    >>> result = analyse_iv(load_run(campaign / "B_40K-105K.csv", segment=0))
    >>> print(result["v_off_V"])
    84.0...(...) mV

Everything in `__all__` is here for other people's programs and is described in docs/api.md. It is
imported when it is first used, so that importing this package costs nothing. In the examples of its
docstrings `campaign` is the folder of sample runs, as above.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.api import (
        analyse_files,
        analyse_ih,
        analyse_iv,
        analyse_run,
        arrhenius,
        compare_with_published,
    )
    from nanojunction.analysis.api_field import (
        magnetocurrent,
        magnetoresistance,
        sign_reversals,
        slope_resistance_at_field,
        slope_resistance_of_field,
        spin_polarisation,
        tmr,
        tmr_peak,
    )
    from nanojunction.analysis.calibration import (
        CalibrationError,
        MeasuringLine,
        against_line,
        measuring_line,
    )
    from nanojunction.analysis.catalogue.errors import CatalogueError, QuestionError
    from nanojunction.analysis.chip_report.page import write_chip_report
    from nanojunction.analysis.controls.carried_out import find_controls
    from nanojunction.analysis.devices.claims import Claim, find_claims
    from nanojunction.analysis.devices.groups import Group, find_groups
    from nanojunction.analysis.estimates.device_file import (
        DeviceFileError,
        Devices,
        Stated,
        load_devices,
    )
    from nanojunction.analysis.estimates.engines import Engine, published_engines
    from nanojunction.analysis.estimates.formulas import (
        areal_power_density,
        paramagnetic_sites,
        ra_product,
    )
    from nanojunction.analysis.export.about import About, read_about
    from nanojunction.analysis.export.errors import ExportError
    from nanojunction.analysis.export.nexus import write_nexus
    from nanojunction.analysis.export.parquet import write_parquet
    from nanojunction.analysis.field.states import FieldReference
    from nanojunction.analysis.frames import catalogue_frame, features_frame, quantities_frame
    from nanojunction.analysis.geometry import Area, parse_area
    from nanojunction.analysis.reading.loading import load_run, load_runs, run_from_arrays
    from nanojunction.analysis.reading.table import ReadError
    from nanojunction.analysis.report.page import write_report
    from nanojunction.analysis.results import FileError, write_results
    from nanojunction.analysis.run import Conditions, Run
    from nanojunction.analysis.run_result import RunResult
    from nanojunction.analysis.screening.chip import Chip
    from nanojunction.analysis.screening.chip_file import ChipFileError, chip_from, load_chip
    from nanojunction.analysis.screening.judgement import judge_junction
    from nanojunction.analysis.screening.screening import (
        Screening,
        compare_screenings,
        screen_files,
        screen_with_runs,
    )
    from nanojunction.analysis.screening.stored import StoredRuns
    from nanojunction.analysis.screening.thresholds import Thresholds
    from nanojunction.analysis.screening.verdicts import JunctionVerdict
    from nanojunction.analysis.screening.yields import Yields, batch_yields
    from nanojunction.analysis.settings import IVSettings
    from nanojunction.analysis.temperature.activation import Arrhenius
    from nanojunction.analysis.values import Curve, Quantity

__all__ = [
    "About",
    "Analysis",
    "Area",
    "Arrhenius",
    "CalibrationError",
    "CatalogueError",
    "Chip",
    "ChipFileError",
    "Claim",
    "Conditions",
    "Curve",
    "DeviceFileError",
    "Devices",
    "Engine",
    "ExportError",
    "FieldReference",
    "FileError",
    "Group",
    "IVSettings",
    "JunctionVerdict",
    "MeasuringLine",
    "Quantity",
    "QuestionError",
    "ReadError",
    "Run",
    "RunResult",
    "Screening",
    "Stated",
    "StoredRuns",
    "Thresholds",
    "Yields",
    "against_line",
    "analyse_files",
    "analyse_ih",
    "analyse_iv",
    "analyse_run",
    "areal_power_density",
    "arrhenius",
    "batch_yields",
    "catalogue_frame",
    "chip_from",
    "compare_screenings",
    "compare_with_published",
    "features_frame",
    "find_claims",
    "find_controls",
    "find_groups",
    "judge_junction",
    "load_chip",
    "load_devices",
    "load_run",
    "load_runs",
    "magnetocurrent",
    "magnetoresistance",
    "measuring_line",
    "paramagnetic_sites",
    "parse_area",
    "published_engines",
    "quantities_frame",
    "ra_product",
    "read_about",
    "run_from_arrays",
    "screen_files",
    "screen_with_runs",
    "sign_reversals",
    "slope_resistance_at_field",
    "slope_resistance_of_field",
    "spin_polarisation",
    "tmr",
    "tmr_peak",
    "write_chip_report",
    "write_nexus",
    "write_parquet",
    "write_report",
    "write_results",
]

_MODULES = {
    "analyse": ("Analysis",),
    "api": (
        "analyse_files",
        "analyse_ih",
        "analyse_iv",
        "analyse_run",
        "arrhenius",
        "compare_with_published",
    ),
    "api_field": (
        "magnetocurrent",
        "magnetoresistance",
        "sign_reversals",
        "slope_resistance_at_field",
        "slope_resistance_of_field",
        "spin_polarisation",
        "tmr",
        "tmr_peak",
    ),
    "catalogue.errors": ("CatalogueError", "QuestionError"),
    "chip_report.page": ("write_chip_report",),
    "controls.carried_out": ("find_controls",),
    "calibration": ("CalibrationError", "MeasuringLine", "against_line", "measuring_line"),
    "devices.claims": ("Claim", "find_claims"),
    "devices.groups": ("Group", "find_groups"),
    "screening.chip": ("Chip",),
    "screening.chip_file": ("ChipFileError", "chip_from", "load_chip"),
    "screening.judgement": ("judge_junction",),
    "screening.screening": (
        "Screening",
        "compare_screenings",
        "screen_files",
        "screen_with_runs",
    ),
    "screening.stored": ("StoredRuns",),
    "screening.thresholds": ("Thresholds",),
    "screening.verdicts": ("JunctionVerdict",),
    "screening.yields": ("Yields", "batch_yields"),
    "estimates.device_file": ("DeviceFileError", "Devices", "Stated", "load_devices"),
    "estimates.engines": ("Engine", "published_engines"),
    "estimates.formulas": ("areal_power_density", "paramagnetic_sites", "ra_product"),
    "export.about": ("About", "read_about"),
    "export.errors": ("ExportError",),
    "export.nexus": ("write_nexus",),
    "export.parquet": ("write_parquet",),
    "field.states": ("FieldReference",),
    "frames": ("catalogue_frame", "features_frame", "quantities_frame"),
    "geometry": ("Area", "parse_area"),
    "reading.loading": ("load_run", "load_runs", "run_from_arrays"),
    "reading.table": ("ReadError",),
    "report.page": ("write_report",),
    "results": ("FileError", "write_results"),
    "run": ("Conditions", "Run"),
    "run_result": ("RunResult",),
    "settings": ("IVSettings",),
    "temperature.activation": ("Arrhenius",),
    "values": ("Curve", "Quantity"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
