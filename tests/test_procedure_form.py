"""The form of a run: what is typed stays, what is wrong is said, what fits is what is measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from nanojunction.gui.field import completed
from nanojunction.gui.procedure_form import ProcedureForm
from nanojunction.gui.theme import DARK, LIGHT, Colours, Theme, contrast
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.acquisition.records import Wish
from tests.conftest import station_content

CONFIG = station_from(station_content(), "station.toml")


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[ProcedureForm]:
    form = ProcedureForm(CONFIG, "station.toml", Theme("light"))
    qtbot.addWidget(form)
    form.show()
    form.sample.setText("A")
    yield form


def type_in(form: ProcedureForm, qtbot: QtBot, key: str, text: str) -> None:
    field = form.fields[key].input
    field.selectAll()
    qtbot.keyClicks(field, text) if text else field.clear()


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("20 mV", "20 mV"), ("20mV", "20mV"), ("20m", "20mV"), ("2e-2", "2e-2"), ("0.02", "0.02")],
)
def test_quantities_are_taken_as_people_type_them(
    form: ProcedureForm, qtbot: QtBot, typed: str, taken: str
) -> None:
    type_in(form, qtbot, "vmax", typed)
    assert form.problem == ""
    assert form.wish == Wish("iv", "A", {"vmax": taken})
    assert form.fields["vmax"].input.text() == typed, "what was typed stays"
    assert form.verdict.text().startswith("325 points · ")


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("vmax", "", "Maximum voltage: '' is not a number with a unit like V"),
        ("vmax", "0,5", "Maximum voltage: '0,5' is not a number with a unit like V; write decimals "
                        "with a point"),
        ("vmax", "20 mA", "Maximum voltage: '20 mA' has the unit 'mA', V is expected"),
        ("vmax", "-1 V", "Maximum voltage: -1 V is not between 0 and 200 V"),
        ("vmax", "600 mV", "the voltage 0.6 V lies outside the limits of the station: ±0.5 V"),
        ("step", "3 mV", "the step 0.003 V does not divide the leg from 0 to 0.01 V; 0.0025 V "
                         "does"),
        ("repeats", "1.5", "Repeats: '1.5' is not a whole number from 1 to 10000"),
    ],
)  # fmt: skip
def test_what_is_wrong_stays_and_is_said(
    form: ProcedureForm, qtbot: QtBot, key: str, typed: str, words: str
) -> None:
    type_in(form, qtbot, key, typed)
    assert form.wish is None
    assert form.problem == words
    assert form.fields[key].input.text() == typed
    type_in(form, qtbot, key, {"vmax": "10 mV", "step": "0.5 mV", "repeats": "1"}[key])
    assert form.problem == ""
    assert form.wish is not None


def test_a_wrong_field_is_marked_with_its_reason(form: ProcedureForm, qtbot: QtBot) -> None:
    field = form.fields["vmax"]
    type_in(form, qtbot, "vmax", "0,5")
    assert field.reason.isVisible()
    assert field.reason.text().startswith("✕ '0,5' is not a number")
    assert LIGHT.bad in field.input.styleSheet()
    type_in(form, qtbot, "vmax", "5 mV")
    assert not field.reason.isVisible()
    assert field.label.text() == "Maximum voltage •", "it was changed since the last run"
    form.begun()
    assert field.label.text() == "Maximum voltage"


def test_every_procedure_keeps_what_was_typed_for_it(form: ProcedureForm, qtbot: QtBot) -> None:
    type_in(form, qtbot, "vmax", "20 mV")
    form.choice.setCurrentText("it")
    assert "vmax" not in form.fields
    form.choice.setCurrentText("iv")
    assert form.fields["vmax"].input.text() == "20 mV"
    kept = form.content()
    other = ProcedureForm(CONFIG, "station.toml", Theme("light"))
    qtbot.addWidget(other)
    other.restore(kept)
    assert other.wish == form.wish
    other.restore({"procedure": "gone", "fields": {"iv": {"vmaxx": "1"}, "it": 3}})
    assert other.choice.currentText() == "iv"


def test_the_parameters_of_another_run_are_taken_over(form: ProcedureForm) -> None:
    wish = Wish("iv", "J7", {"vmax": "100 mV", "step": "10 mV", "autozero": "false"})
    form.take(wish)
    assert form.wish == wish


def test_the_preview_shows_the_points_that_will_be_measured(form: ProcedureForm) -> None:
    form.take(Wish("iv", "A", {"vmax": "10 mV", "step": "5 mV"}))
    _, y = form.preview._curve.getData()
    assert y.tolist()[:7] == [0.0, 0.005, 0.01, 0.01, 0.005, 0.0, -0.005]
    assert len(y) == 21


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda one: one.name)
def test_words_and_lines_can_be_read(colours: Colours) -> None:
    for surface in (colours.window, colours.base, colours.raised):
        for words in (colours.text, colours.dim, colours.good, colours.busy, colours.bad):
            assert contrast(words, surface) >= 4.5, (colours.name, words, surface)
    for line in (colours.forward, colours.backward, colours.fit):
        assert contrast(line, colours.base) >= 3.0, (colours.name, line)
    assert contrast(colours.on_accent, colours.accent) >= 4.5


@pytest.mark.parametrize(
    ("typed", "unit", "taken"),
    [("50m", "V", "50mV"), ("5", "V", "5"), ("m", "V", "m"), ("50 mV", "V", "50 mV"),
     ("3m", "T/min", "3m"), ("20", "", "20"), ("1 T", "T", "1 T"), ("1k", "ohm", "1kohm")],
)  # fmt: skip
def test_a_prefix_alone_is_completed(typed: str, unit: str, taken: str) -> None:
    assert completed(typed, unit) == taken
