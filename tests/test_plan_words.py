"""The plan's texts: written again, the plans that come with the program, the reference, the sentences."""
from __future__ import annotations

import gettext as catalogues
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import Babel
from hypothesis import given, settings

from admin import plan_reference
from admin.samples_plan import demo_plan, sample_plan
from models.plan_file import PlanError, of, read, to_raw
from models.plan_text import write
from models.plan_words import PLACE, SENTENCES, THINGS, sentence
from tests.plans import EXAMPLE, line_of, plans

# --- writing it again ---

@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_plan_reads_back_as_it_was_written(plan):
    assert read(write(plan))[0] == plan
    assert of(to_raw(plan))[0] == plan


def test_the_written_plan_is_stable_and_short():
    plan, _ = read(EXAMPLE)
    text = write(plan)
    assert write(read(text)[0]) == text
    assert "opens = 2026-12-05T11:30:00" in text and "windows" not in text and "limit" not in text
    assert text.startswith("# 会务方案")


def test_plan_values_are_never_changed_in_place():
    with pytest.raises(AttributeError):
        msgspec.structs.replace(read(EXAMPLE)[0]).event.name = "x"


# --- the plans that come with the program, and the reference ---

def test_the_sample_plan_is_good_on_any_day():
    for day in (date(2026, 12, 5), date(2027, 2, 28), date(2026, 12, 31)):
        plan, remarks = read(sample_plan(day))
        assert remarks == [] and plan.event.starts == day and {s.kind for s in plan.service} == {
            "sign_in", "material", "session", "meal"}


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("minute", [0, 31, 59])
def test_the_demo_has_something_of_every_kind_open_at_any_hour(hour, minute):
    now = datetime(2026, 11, 24, hour, minute)
    soon = now + timedelta(minutes=59)
    plan, remarks = read(demo_plan(date(2026, 11, 23), now))
    assert remarks == []
    assert any(s.starts <= now and soon <= s.ends for s in plan.service if s.kind == "session")
    assert any(w.opens <= now and soon <= w.closes for s in plan.service if s.kind == "meal" for w in s.windows)
    assert all(s.windows == [] for s in plan.service if s.kind in ("sign_in", "material"))


def test_the_demo_understands_the_clock_of_another_zone():
    assert demo_plan(date(2026, 11, 23), datetime(2026, 11, 24, 4, 0, tzinfo=UTC)) == demo_plan(
        date(2026, 11, 23), datetime(2026, 11, 24, 12, 0))


def test_the_reference_of_the_plan_is_up_to_date():
    assert plan_reference.TARGET.read_text(encoding="utf-8") == plan_reference.reference()


def test_every_key_has_a_meaning_in_both_languages():
    for line in plan_reference.reference().split("## 例子")[0].splitlines():
        if line.startswith("| `"):
            assert all(cell.strip() for cell in (line.split("|")[i] for i in (1, 2, 4, 5))), line


# --- words ---

CATALOGUE = Path(__file__).parent.parent / "translations" / "en" / "LC_MESSAGES" / "models.po"


def english() -> catalogues.GNUTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(CATALOGUE.read_bytes())))
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)


def test_every_sentence_has_its_english_with_the_same_blanks():
    said = english()
    for chinese in (*SENTENCES.values(), *THINGS.values(), PLACE):
        translated = said.gettext(chinese)
        assert translated != chinese, chinese
        blanks = [sorted(part.split(")s")[0] for part in text.split("%(")[1:]) for text in (chinese, translated)]
        assert blanks[0] == blanks[1], chinese


def test_the_mistakes_are_english_where_english_is_asked_for(tmp_path):
    target = tmp_path / "en" / "LC_MESSAGES" / "messages.mo"
    target.parent.mkdir(parents=True)
    with target.open("wb") as out:
        write_mo(out, read_po(io.BytesIO(CATALOGUE.read_bytes())))
    app = Flask(__name__)
    Babel(app, default_translation_directories=str(tmp_path), locale_selector=lambda: "en")
    with app.app_context(), pytest.raises(PlanError) as refused:
        read(EXAMPLE.replace('backup = "rear"', 'backup = "reer"'))
    line = line_of(EXAMPLE, "backup")
    with app.app_context():
        assert str(refused.value) == (f"Line {line}, [[printer]] front · backup: The plan defines no printer “reer”; "
                                      "was “rear” meant?")


def test_an_application_without_languages_speaks_chinese():
    with Flask(__name__).app_context():
        assert sentence("undefined", what="printer", value="x") == "方案里没有打印机“x”。"
