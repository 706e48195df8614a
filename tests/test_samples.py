"""The invented people: the same every time, various enough, and importable."""
from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from types import SimpleNamespace

from admin.roster_columns import FIELDS
from admin.roster_file import check, read
from admin.samples import CATEGORIES, DELEGATIONS, SAMPLE_CATEGORIES, people, write_sample_roster
from admin.samples_plan import sample_plan


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert people(50, 1) == people(50, 1)
    assert people(50, 1) != people(50, 2)
    assert people(50, 1)[:18] == people(500, 1)[:18]


def test_sample_people_are_various() -> None:
    crowd = people(200)
    text = "".join(person["name"] for person in crowd)
    assert all(rare in text for rare in ("䶮", "㛃", "𠮷", "·", "García"))
    assert {person["category"] for person in crowd} == {name for _, name, _, _ in CATEGORIES}
    assert {person["delegation"] for person in crowd} == set(DELEGATIONS)
    assert {"清真", "素食"} <= {person["diet"] for person in crowd}
    assert {"待审核", "取消"} <= {person["state"] for person in crowd}
    assert any(person["vip"] for person in crowd)
    assert any(len(person["organisation"]) > 24 for person in crowd)
    assert len({person["organisation"] for person in crowd if person["name"] == "王伟"}) > 1
    assert any(person["name"].startswith(("欧阳", "司马", "上官", "诸葛", "尉迟")) for person in crowd)


def test_sample_phones_are_never_assigned_and_numbers_are_unique() -> None:
    crowd = people(3000)
    assert all(re.fullmatch(r"1990000[0-9]{4}", person["phone"]) for person in crowd)
    assert len({person["number"] for person in crowd}) == len(crowd)
    assert set().union(*crowd) <= set(FIELDS)


def test_the_sample_roster_is_read_back_whole(tmp_path: Path) -> None:
    sheet = read(write_sample_roster(tmp_path / "sample.xlsx", 120))
    good, refused = check(sheet.rows, [SimpleNamespace(key=key, name=name, name_en=en) for key, name, en, _ in CATEGORIES])
    assert (len(good), refused, sheet.ignored, sheet.remarks) == (120, [], [], [])
    keys = {name: key for key, name, *_ in CATEGORIES}
    states = {"": None, "待审核": "pending", "取消": "cancelled"}
    for row, person in zip(good, people(120, categories=SAMPLE_CATEGORIES), strict=True):
        said = {field: value for field, value in person.items() if value and field not in ("category", "state")}
        assert row.values == said | {"category": keys[person["category"]]} | (
            {"state": states[person["state"]]} if person["state"] else {})


def test_the_sample_roster_knows_only_the_categories_of_the_example_plan() -> None:
    plan = tomllib.loads(sample_plan(date(2026, 12, 5)))
    assert {category["name"] for category in plan["category"]} == set(SAMPLE_CATEGORIES)
