"""A fit of the spin engine as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nanojunction.analysis.theory.axes import Axis
from nanojunction.analysis.theory.transport_fit import TransportFit
from nanojunction.analysis.theory.transport_parameters import engines_of
from nanojunction.analysis.theory.transport_rivals import Rival
from nanojunction.analysis.theory.transport_sweeps import TransportSweep, found_by
from nanojunction.analysis.values import plain

__all__ = ["fit_document"]

_POINTS = 401


def fit_document(fit: TransportFit, rivals: Sequence[Rival], said: Sequence[str]) -> dict[str, Any]:
    """Return the document of a fit: that of the best model over the measured range, and `fit`.

    `fit` has every parameter (value, stderr, identified, what was supposed beforehand), the
    correlations of the varied ones, the singular values and directions of the Jacobian, the
    measured rows with what is left of them, the rivals, and the sentences.
    """
    low, high = fit.pair.range_mV
    parallel, antiparallel = engines_of(fit.values)
    axis = Axis("bias", "mV", np.linspace(low, high, _POINTS))
    best = found_by(TransportSweep((axis,), {"P": parallel, "AP": antiparallel}))
    found = best.document()
    values, directions = fit.directions()
    cut = len(fit.pair.parallel.voltage_V)
    left = (fit.residuals[:cut], fit.residuals[cut:])
    found["fit"] = plain(
        {
            "parameters": {name: _parameter(fit, name) for name in fit.parameters},
            "varied": fit.varied,
            "correlations": fit.correlations,
            "singular_values": values,
            "directions": directions,
            "chi2": fit.chi2,
            "rows": len(fit.residuals),
            "starts": {"ended_at_half_chi2": fit.costs, "agreed": fit.agreed},
            "measured": {
                one.label: {
                    "v_V": one.voltage_V,
                    "i_A": one.current_A,
                    "sigma_A": one.sigma_A,
                    "left_in_sigma": -rest,
                }
                for one, rest in zip(fit.pair.states, left, strict=True)
            },
            "models": [{**asdict(one), "leaves_noise": one.leaves_noise} for one in rivals],
            "sentences": said,
        }
    )
    return found


def _parameter(fit: TransportFit, name: str) -> dict[str, Any]:
    one = fit.parameters[name]
    return {
        "value": one.value,
        "stderr": one.stderr,
        "varied": one.parameter.varied,
        "identified": one.identified,
        "at_bound": one.at_bound,
        "start": one.parameter.start,
        "width": one.parameter.width,
        "bounds": [one.parameter.least, one.parameter.most],
    }
