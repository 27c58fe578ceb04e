"""The examples of docs/populations.md are populations files that work."""

from __future__ import annotations

from pathlib import Path

from nanojunction.models.population import built_in_batches, parse_population

TEXT = (Path(__file__).parents[1] / "docs" / "populations.md").read_text(encoding="utf-8")
EXAMPLES = [part.partition("```")[0] for part in TEXT.split("```toml\n")[1:]]


def test_the_whole_example_is_a_file() -> None:
    whole, *_ = EXAMPLES
    batch = parse_population(whole, "docs", 1)
    assert len(batch.devices) == 101
    assert batch.wafer is not None
    assert list(batch.wafer.splits) == ["annealed"]


def test_the_examples_of_places_and_of_behaviour_fit_into_it() -> None:
    whole, places, behaviour = EXAMPLES
    batch = parse_population(
        whole.replace("rows = 10", "rows = 40") + places + behaviour, "docs", 1
    )
    last = next(one for one in batch.devices if one.behaviour.drift is not None)
    assert last.truth == "short"
    assert None not in (
        last.behaviour.contact, last.behaviour.breakdown, last.behaviour.telegraph,
    )  # fmt: skip


def test_every_built_in_population_is_told() -> None:
    for name in built_in_batches():
        assert f"| `{name}` |" in TEXT
