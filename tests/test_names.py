"""Names: how they are compared, found and masked (behaviours 38 and 39)."""
from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.masks import mask_name, mask_phone
from models.names import (
    fold,
    like_patterns,
    matches,
    name_key,
    same_name,
    search_keys,
)


@pytest.mark.parametrize(("one", "other"), [
    ("ＡＢ", "ab"), ("张 三", "张三"), ("张　三", "张三"), ("阿卜杜拉·买买提", "阿卜杜拉•买买提"),
    ("阿卜杜拉・买买提", "阿卜杜拉.买买提"), ("阿卜杜拉‧买买提", "阿卜杜拉．买买提"), ("O’Brien", "o'brien"),
])
def test_39_case_width_blanks_and_middle_dots_do_not_matter(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("name", "query"), [
    ("张三", "zs"), ("张三", "zhs"), ("张三", "zhangsan"), ("张三", "ZhangSan"), ("张三", "张三"), ("张 三", "张三"),
    ("张三丰", "zsf"), ("张三丰", "sanfeng"), ("张三丰", "三丰"), ("张三丰", "zhangs"),
    ("单雄信", "shanxiongxin"), ("单雄信", "sxx"), ("仇英", "qiuying"), ("曾巩", "zenggong"), ("曾巩", "zg"),
    ("解缙", "xiejin"), ("万俟卨", "moqixie"), ("尉迟恭", "yuchigong"), ("尉迟恭", "ycg"), ("尉迟恭", "ychg"),
    ("欧阳修", "oyx"), ("欧阳修", "xiu"), ("吕布", "lvbu"), ("吕布", "lyubu"), ("李朝阳", "lizhaoyang"),
    ("李朝阳", "lichaoyang"), ("阿卜杜拉·买买提", "买买提"), ("阿卜杜拉·买买提", "abudula"),
    ("阿卜杜拉·买买提", "阿卜杜拉．买"), ("龚䶮", "gongyan"),
    ("李㛃", "lj"), ("𠮷野", "jiye"), ("愛新覺羅奕湄", "axjlym"),
])
def test_39_a_chinese_name_is_found_by_pinyin_initials_and_characters(name: str, query: str) -> None:
    assert matches(query, search_keys(name))


@pytest.mark.parametrize("query", ["smith", "john", "johnsmith", "john smith", "smithjohn", "js", "JOHN", "smi"])
def test_an_english_name_is_found_by_each_of_its_words_and_its_initials(query: str) -> None:
    assert matches(query, search_keys("史密斯", "John Smith"))


@pytest.mark.parametrize(("name", "query"), [("José García", "jose"), ("José García", "garcia"),
                                             ("Sinéad O’Brien", "obrien"), ("Anne-Marie Roy", "annemarie")])
def test_accents_apostrophes_and_hyphens_need_not_be_typed(name: str, query: str) -> None:
    assert matches(query, search_keys(name))


@pytest.mark.parametrize(("name", "query"), [
    ("张三", ""), ("张三", "张"), ("张三", "z"), ("张三", " 张 "), ("张三丰", "zs"), ("张三丰", "sf"), ("张三", "zh"),
    ("张三", "sa"), ("李四", "li"), ("Li Bo", "li"), ("张三", "hangsan"), ("张三", "李四"),
])
def test_38_one_character_or_two_letters_that_are_no_whole_initials_find_nothing(name: str, query: str) -> None:
    assert not matches(query, search_keys(name))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)   # no lone surrogate reaches a database


@given(_TEXT, _TEXT)
def test_the_database_and_python_judge_a_query_alike(name: str, query: str) -> None:
    name, query = name.replace("\0", ""), query.replace("\0", "")
    keys = search_keys(name)
    with closing(sqlite3.connect(":memory:")) as db:
        found = any(db.execute(r"SELECT ? LIKE ? ESCAPE '\'", (keys, pattern)).fetchone()[0]
                    for pattern in like_patterns(query))
    assert found == matches(query, keys)


@given(st.text(max_size=20), st.text(max_size=20))
def test_keys_are_made_of_any_text_and_hold_the_folded_name(name: str, name_en: str) -> None:
    assert fold(name) in search_keys(name, name_en)


def test_of_pypinyin_the_phrases_are_not_loaded() -> None:
    code = "import models.names as n; n.search_keys('张三'); from pypinyin.constants import PHRASES_DICT; assert not PHRASES_DICT"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pypinyin_stays_out_until_a_chinese_name_needs_it() -> None:
    code = "import sys, models.names as n; n.search_keys('John Smith'); assert 'pypinyin' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("name", "shown"), [
    ("张三", "张*"), ("张三丰", "张*丰"), ("欧阳修远", "欧*远"), ("阿卜杜拉·买买提", "阿*提"), ("张 三", "张*"),
    ("张", "*"), ("John Smith", "J*** Smith"), ("Gabriel García Márquez", "G*** Márquez"), ("OSAKA", "O***"),
    ("", ""), ("𠮷野家", "𠮷*家"), ("李㛃", "李*"),
])
def test_a_masked_name_shows_first_and_last(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(("phone", "shown"), [
    ("13800001234", "138****1234"), ("+86 138 0000 1234", "861****1234"), ("02112345678", "021****5678"),
    ("12345678", "****5678"), ("12345", "****"), ("", ""), ("13800001234/13900005678", "138****1234"),
])
def test_a_masked_phone_shows_three_and_four_digits(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(("typed", "name", "same"), [
    ("Smith, John", "John Smith", True), ("SMITH  JOHN", "John Smith", True), ("Smith", "John Smith", False),
    ("王 芳", "王　芳", True), ("芳 王", "王芳", False), ("", "", False), ("John Smithson", "John Smith", False)])
def test_a_latin_name_is_the_same_in_either_order_and_a_chinese_one_is_not(typed, name, same):
    assert same_name(typed, name) is same


@pytest.mark.parametrize("name", ["Anna Kovaleva", "Ιωάννα Ρέα", "İpek Yılmaz", "Groß O’Neil", "柯安娜", "柯Anna娜2"])
def test_no_sign_anywhere_in_unicode_makes_another_key_of_a_name_that_is_the_same(name: str) -> None:
    """Each sign put into a name, or in the place of a letter: where the name is the same, so is its key."""
    key, middle = name_key(name), len(name) // 2
    for sign in map(chr, range(0x30000)):
        for text in (f"{name} {sign}", name[:middle] + sign + name[middle:], name[:1] + sign + name[2:]):
            if same_name(text, name):
                assert name_key(text) == key, ascii(text)
