"""What a fit of the spin engine says, in sentences: what is known, what is not, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.theory.transport_fit import IDENTIFIED_BELOW, TransportFit
from nanojunction.analysis.theory.transport_rivals import Rival
from nanojunction.analysis.values import Array

__all__ = ["sentences"]

_SEEN = 3.0
"""A direction is seen if a width along it moves the curves by so many standard deviations."""
_SHARE = 0.3
_TOGETHER = 0.9
_CHANGE = 0.1
_MOST_DIRECTIONS, _MOST_PAIRS = 4, 5
_NEAR = 1e-9


def sentences(fit: TransportFit, rivals: Sequence[Rival] = ()) -> list[str]:
    """Return what there is to say about a fit, one sentence or two each."""
    return [
        *_identified(fit),
        *_unseen_directions(fit),
        *_pairs(fit),
        *_held(fit),
        *_ends(fit),
        *_against(rivals),
    ]


def _identified(fit: TransportFit) -> list[str]:
    found = [fit.parameters[name] for name in fit.varied]
    known = [one.parameter.name for one in found if one.identified]
    bounds = [one.parameter.name for one in found if one.at_bound]
    unknown = [one.parameter.name for one in found if not (one.identified or one.at_bound)]
    said = [f"Identified: {_listed(known)}." if known else "Identified: none of the parameters."]
    if unknown:
        said.append(
            f"Not identified: {_listed(unknown)}: the curves leave more than "
            f"{IDENTIFIED_BELOW:.0%} of what was supposed beforehand (start ± width); their values "
            "are no measurement."
        )
    if bounds:
        said.append(f"At a bound, so without a standard error that means much: {_listed(bounds)}.")
    return said


def _unseen_directions(fit: TransportFit) -> list[str]:
    """Say along which combinations of parameters the curves do not change."""
    values, directions = fit.directions()
    unseen = [k for k, value in enumerate(values.tolist()) if value < _SEEN]
    said = [
        f"The curves fix {len(values) - len(unseen)} combinations of the {len(values)} varied "
        f"parameters (singular values of the Jacobian in widths and noise: "
        f"{', '.join(f'{value:.3g}' for value in values)})."
    ]
    for k in reversed(unseen[-_MOST_DIRECTIONS:]):
        step = directions[k] * np.sign(directions[k][np.argmax(np.abs(directions[k]))])
        parts = [
            f"{name} {share * width:+.2g}"
            for name, share, width in sorted(
                zip(fit.varied, step.tolist(), fit.widths.tolist(), strict=True),
                key=lambda part: -abs(part[1]),
            )
            if abs(share) > _SHARE
        ]
        together = "together change" if len(parts) > 1 else "changes"
        said.append(
            f"Unseen: {_listed(parts)} {together} all the rows by {values[k]:.2g} standard "
            "deviations of their noise in all."
        )
    return said


def _pairs(fit: TransportFit) -> list[str]:
    """Say which parameters stand in for each other, two by two, the closest first."""
    correlations = fit.correlations
    close = sorted(
        (-abs(correlations[i, j]), i, j)
        for i in range(len(fit.varied))
        for j in range(i + 1, len(fit.varied))
        if abs(correlations[i, j]) > _TOGETHER
    )
    if not close:
        return []
    parts = [
        f"{fit.varied[i]} and {fit.varied[j]} ({correlations[i, j]:+.2f}, better known is their "
        f"{'difference' if correlations[i, j] > 0 else 'sum'})"
        for _, i, j in close[:_MOST_PAIRS]
    ]
    more = f", and {len(close) - _MOST_PAIRS} pairs more" if len(close) > _MOST_PAIRS else ""
    return [
        f"Standing in for each other (correlation; sums and differences in standard errors): "
        f"{', '.join(parts)}{more}."
    ]


def _held(fit: TransportFit) -> list[str]:
    """Say what the held parameters decide, and which could not have been fitted beside the rest."""
    said: list[str] = []
    if not fit.held:
        return said
    before = np.array([fit.parameters[n].parameter.width is not None for n in fit.varied])
    normal = fit.jacobian.T @ fit.jacobian + np.diag(before.astype(np.float64))
    for name, column in zip(fit.held, fit.held_jacobian.T, strict=True):
        one = fit.parameters[name]
        width = one.parameter.width or abs(one.value)
        change = _CHANGE * abs(one.value) if abs(one.value) > _NEAR * width else _CHANGE * width
        moved = column * change / width
        answer = -np.linalg.solve(normal, fit.jacobian.T @ moved)
        left = float(np.linalg.norm(moved + fit.jacobian @ answer))
        if left < _SEEN:
            said.append(
                f"{name} = {one.value:.4g} was held, and could not have been fitted beside the "
                f"rest: {change:+.2g} would be made up for by {_shifts(fit, answer)}, and leave "
                f"{left:.1g} standard deviations."
            )
        else:
            said.append(
                f"{name} = {one.value:.4g} was held; {change:+.2g} would change the others by "
                f"{_shifts(fit, answer)}."
            )
    return said


def _shifts(fit: TransportFit, answer: Array) -> str:
    """Return the largest changes of varied parameters, in units of their standard errors first."""
    stderr = np.sqrt(np.diag(fit.covariance))
    moves = answer * fit.widths
    order = np.argsort(-np.abs(moves / stderr))[:3]
    return _listed([f"{fit.varied[k]} {moves[k]:+.2g}" for k in order.tolist()])


def _ends(fit: TransportFit) -> list[str]:
    count = len(fit.costs)
    said = [f"{fit.agreed} of {count} starts ended at this fit."]
    if count > 1 and fit.agreed < 2:
        said.append("No second start found it: try more --starts.")
    noise = [one.label for one in fit.pair.states if not one.noise_known]
    if noise:
        said.append(
            f"The noise of {_listed(noise)} is what the fit leaves: too few rows to see it."
        )
    return said


def _against(rivals: Sequence[Rival]) -> list[str]:
    """Say what wrong models would have given."""
    if not rivals:
        return []
    own, *others = rivals
    said = [_leaving(own)]
    for other in others:
        better = other.aicc - own.aicc
        said.append(
            f"{_leaving(other)} AICc {better:+.0f} against the spin engine: "
            + (
                "no model of these rows."
                if better > 10
                else "as good a description of these rows, with less behind it."
            )
        )
        if other.name == "straight lines":
            said.append(
                "The lines would have said "
                + _listed(
                    [
                        f"{s}: R = {other.values[f'r_{s}_ohm']:.4g} ohm, "
                        f"V_off = {1e3 * other.values[f'v_off_{s}_V']:.3g} mV, "
                        f"I(0) = {1e9 * other.values[f'i_off_{s}_A']:.3g} nA"
                        for s in other.pattern
                    ]
                )
                + "."
            )
        else:
            shown = ("scale", "sp_meV", "asym_P_meV", "asym_AP_meV")
            moved = [
                f"{name} {other.values[name]:.3g} instead of {own.values[name]:.3g}"
                for name in shown
                if name in other.values
            ]
            if moved:
                said.append(f"The {other.name} would have said {_listed(moved)}.")
    return said


def _leaving(rival: Rival) -> str:
    found, expected = rival.sign_changes
    verdict = "as noise does" if rival.leaves_noise else f"noise would {expected:.0f} times"
    pattern = ", ".join(f"{state} {signs}" for state, signs in rival.pattern.items())
    return (
        f"{rival.name.capitalize()} ({rival.count} parameters): chi2 per row "
        f"{rival.chi2_per_row:.3g}; what is left changes sign {found} times, {verdict} "
        f"(above/below: {pattern})."
    )


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
