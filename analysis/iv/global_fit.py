"""I(V) over the whole swept range: a polynomial, a power law or exponentials, where one fits.

Drift from leg to leg and a smooth hysteresis are left out of it (projected.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.adequate import is_needless, is_white
from nanojunction.analysis.iv.coarse_noise import COARSE, likely_noises
from nanojunction.analysis.iv.exponential import EXPONENTIAL, best_exponential, exponentials
from nanojunction.analysis.iv.global_model import GlobalModel
from nanojunction.analysis.iv.polynomial import (
    ORDERS,
    POLYNOMIAL,
    best_polynomials,
    polynomial_of,
    polynomial_terms,
)
from nanojunction.analysis.iv.power_law import POWER_LAW, power_laws
from nanojunction.analysis.iv.projected import (
    HIGHEST,
    FitOf,
    Projected,
    ProjectedFit,
    fits,
    leverages,
    project,
)
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.iv.uneven_noise import Course, courses_of, relative_noises
from nanojunction.analysis.together import Analysis, ask, ask_each, in_groups, together
from nanojunction.analysis.values import Array

_FEWEST = 9  # rows
SIMPLEST = "polynomial of order 3"
_BENT = 0.3  # of the variance between neighbours: a law that leaves less may have missed more
_EXTRA_3 = 19.7  # χ² of three more terms, p = 0.0002


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """The rows, and the fits of them that were tried, whether or not they describe the data."""

    data: Projected
    fits: list[ProjectedFit]

    @property
    def aicc(self) -> float:
        """AICc of the best of them."""
        return min((fit.aicc for fit in self.fits), default=math.inf)


def fit_globally(traces: Traces) -> GlobalModel | None:
    """Return a description of the whole range, None if the data contradict all that is tried.

    A polynomial of the order that AICc chooses is adequate if two more terms are not needed; the
    result is taken with these two terms, so that what the test could not see does not bias it
    (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295 (2014)). A power law
    I = a + b·V + e·V² + c·sgn(V)|V|^n, n free, is adequate if V³, V⁴ and V⁵ are not needed.
    Where neither says enough, exponentials are tried (exponential.py).
    Where several are, they are averaged with Akaike weights.
    """
    return together([fitting(traces)])[0].model


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A description of the whole range, if there is one, and what was tried."""

    model: GlobalModel | None
    tried: Tried | None
    farthest: float = math.inf
    """The largest distance of a row from the description, in standard deviations."""
    aicc: float = math.inf
    """AICc of what was tried, also with noise that is not even."""


def fitting(traces: Traces) -> Analysis[Fitted]:
    """Return what `fit_globally` does, as the steps of an analysis."""
    if traces.noise_A is None or len(traces) < _FEWEST or float(np.ptp(traces.voltage_V)) == 0.0:
        return Fitted(None, None)
    fitted = yield from _describe(traces)
    if len(traces) < COARSE:
        return (yield from _with_likely_noise(traces, fitted))
    if fitted.model is None:
        return fitted
    # Differences between neighbours hold bending, too; what the description leaves does not.
    model = fitted.model
    studentised_A = yield from ask(_studentised, model)
    course = traces.course
    if course is None:
        course = courses_of(traces.voltage_V[None, :], traces.current_A[None, :])[0]
    relative = yield from ask(_relative_noises, (course, studentised_A))
    if relative is not None or traces.relative_noise is not None:
        again = yield from _describe(replace(traces, relative_noise=relative))
        if again.model is not None:
            fitted, model = again, again.model
            studentised_A = yield from ask(_studentised, model)
    return replace(fitted, farthest=model.distance_of(studentised_A))


def _with_likely_noise(traces: Traces, even: Fitted) -> Analysis[Fitted]:
    """Return the description of a short sweep with the noise that makes it the likeliest."""
    if traces.relative_noise is not None:
        even = yield from _describe(replace(traces, relative_noise=None))
    assert even.tried is not None
    best, score = even, even.tried.aicc
    fit = min(even.tried.fits, key=lambda fit: fit.aicc, default=None)
    if fit is not None and math.isfinite(fit.aicc):
        (leverage,) = leverages([(even.tried.data, fit)])
        studentised_A = fit.residual / np.sqrt(1.0 - leverage)
        for noise in likely_noises(traces, traces.current_A - fit.residual, studentised_A):
            uneven = yield from _describe(replace(traces, relative_noise=noise.relative))
            assert uneven.tried is not None
            fit = min(uneven.tried.fits, key=lambda fit: fit.aicc, default=fit)
            aicc = fit.aicc + 2.0 * float(np.log(noise.relative).sum()) + 2.0
            if aicc + noise.needed(fit.variance) < score:
                best, score = uneven, aicc + noise.needed(fit.variance)
    best = replace(best, tried=even.tried, aicc=min(score, even.tried.aicc))
    if best.model is None:
        return best
    studentised_A = yield from ask(_studentised, best.model)
    return replace(best, farthest=best.model.distance_of(studentised_A))


def _studentised(models: Sequence[GlobalModel]) -> list[Array]:
    """Return what descriptions leave, each row with the noise's own standard deviation."""
    followed = leverages([(model.data, model.best) for model in models])
    return [
        np.asarray(model.residual_A / np.sqrt(1.0 - leverage))
        for model, leverage in zip(models, followed, strict=True)
    ]


def _relative_noises(many: Sequence[tuple[Course, Array]]) -> list[Array | None]:
    return in_groups(many, lambda one: len(one[1]), _relative_noises_of_length)


def _relative_noises_of_length(many: Sequence[tuple[Course, Array]]) -> list[Array | None]:
    deviation = np.array([deviation for _, deviation in many])
    return relative_noises([course for course, _ in many], deviation, np.arange(deviation.shape[1]))


def _describe(traces: Traces) -> Analysis[Fitted]:
    assert traces.noise_A is not None
    data = yield from ask(project, traces)
    tried = Tried(data, [])
    found: list[tuple[float, ProjectedFit]] = []
    for candidate in ((yield from _polynomial(tried)), (yield from _power_law(tried))):
        if candidate is not None and is_white(data, candidate[1], traces):
            found.append(candidate)
    simple = any(fit.model == SIMPLEST for _, fit in found)
    # A coarse sweep leaves its own bending in the noise, and what a law misses in it unseen.
    known = len(traces) >= COARSE and any(
        fit.variance > _BENT * traces.noise_A**2
        for _, fit in found
        if fit.model.startswith(POWER_LAW)
    )
    if not (simple or known):
        rising = yield from ask(exponentials, data)
        tried.fits.extend(rising)
        candidate = yield from best_exponential(data, rising)
        if candidate is not None and is_white(data, candidate[1], traces):
            found.append(candidate)
    if not found:
        return Fitted(None, tried)
    best = min(aicc for aicc, _ in found)
    fits = tuple((math.exp(-0.5 * min(aicc - best, 100.0)), fit) for aicc, fit in found)
    return Fitted(GlobalModel(data, fits), tried)


def _polynomials(tried: Tried, orders: Sequence[int]) -> Analysis[dict[int, ProjectedFit]]:
    """Return the fits with polynomials of some orders, those that there are."""
    known = {fit.terms.count: fit for fit in tried.fits if fit.model.startswith(POLYNOMIAL)}
    wanted = [polynomial_of(tried.data, order) for order in orders if order not in known]
    if wanted:
        for fit in (yield from ask_each(fits, wanted)):
            if fit is not None:
                tried.fits.append(fit)
                known[fit.terms.count] = fit
    return {order: known[order] for order in orders if order in known}


def _polynomial(tried: Tried) -> Analysis[tuple[float, ProjectedFit] | None]:
    """Return the adequate polynomial of lowest AICc, taken with two more terms, and that AICc."""
    best = yield from ask(best_polynomials, tried.data)
    if best is None:
        return None
    aicc, fit, is_adequate = best
    tried.fits.append(fit)
    return (aicc, fit) if is_adequate else None


def _power_law(tried: Tried) -> Analysis[tuple[float, ProjectedFit] | None]:
    """Return the adequate fit with a power law, and its AICc."""
    data = tried.data
    fit = yield from ask(power_laws, data)
    if fit is None:
        return None
    tried.fits.append(fit)
    c = float(fit.coefficients[-2])
    if abs(c) < 3.0 * math.sqrt(fit.variance * fit.inverse[-2, -2]):
        return None
    cubes = [data.turns + k for k in (2, 3, 4)]
    wanted = FitOf(data, [*fit.numbers(), *cubes], polynomial_terms(3), "")
    more = yield from ask(fits, wanted)
    if more is not None and not is_needless(fit, more, _EXTRA_3):
        return None
    return fit.aicc, fit


def any_fits(tried: Tried, like: Tried | None, *, simple: bool) -> Analysis[list[ProjectedFit]]:
    """Return what is tried, whether or not it describes the data: polynomials only if `simple`.

    Beside polynomials it is what was tried `like` it, or everything.
    """
    polynomials = yield from _polynomials(tried, (*ORDERS, HIGHEST))
    found = list(polynomials.values())
    if simple:
        return found
    if like is tried:
        return found + [fit for fit in tried.fits if not fit.model.startswith(POLYNOMIAL)]
    laws = None if like is None else {fit.model.split(maxsplit=1)[0] for fit in like.fits}
    if laws is None or POWER_LAW.startswith(tuple(laws)):
        power_law = yield from ask(power_laws, tried.data)
        found += [] if power_law is None else [power_law]
    if laws is None or EXPONENTIAL in laws:
        found += yield from ask(exponentials, tried.data)
    return found
