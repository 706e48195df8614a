"""How names are compared and found: folding, pinyin, initials.

Pinyin is worked out once, at import, and stored; pypinyin (13 MB) loads at the first Chinese character.
Readings of surnames follow 《现代汉语词典》 and forms.md.
"""
from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import product
from math import prod

# Middle dots as people type them in minority and foreign names. NFKC has brought the full-width ones home before.
_DOTS = "·•・.‧∙⋅᛫"
_IGNORED = str.maketrans({**dict.fromkeys(_DOTS, None), "’": "'", "‘": "'"})
_LATIN = re.compile(r"[a-z]+")
_WORDS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_DIGRAPHS = ("zh", "ch", "sh")
_SUBSCRIPT = "\u0345"          # the one mark that folding would turn into a letter (iota)
_WHOLE = "·"                   # marks initials; no folded query has one
_MOST_VARIANTS = 16            # of one name; more would be noise, not help

_COMPOUND_READINGS = {
    "万俟": "mo qi", "萬俟": "mo qi", "尉迟": "yu chi", "尉遲": "yu chi", "长孙": "zhang sun", "長孫": "zhang sun",
    "澹台": "tan tai", "澹臺": "tan tai", "单于": "chan yu", "單于": "chan yu", "乐正": "yue zheng",
    "樂正": "yue zheng", "拓跋": "tuo ba", "亓官": "qi guan",
}
COMPOUND_SURNAMES = frozenset(_COMPOUND_READINGS) | {
    "欧阳", "歐陽", "司马", "司馬", "上官", "诸葛", "諸葛", "东方", "東方", "皇甫", "慕容", "公孙", "公孫",
    "夏侯", "轩辕", "令狐", "钟离", "鍾離", "宇文", "鲜于", "鮮于", "淳于", "太史", "申屠", "公羊", "赫连",
    "濮阳", "宗政", "独孤", "南宫", "南宮", "闻人", "呼延", "司徒", "司空", "司寇", "端木", "巫马", "公西",
    "百里", "东郭", "西门", "羊舌", "梁丘", "左丘", "颛孙", "漆雕", "谷梁", "第五", "爱新觉罗", "愛新覺羅",
    "叶赫那拉",
}
_SURNAME_READINGS = {
    "单": "shan", "單": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "朴": "piao", "区": "ou", "區": "ou",
    "查": "zha", "盖": "ge", "蓋": "ge", "乐": "yue", "樂": "yue", "覃": "qin", "缪": "miao", "繆": "miao",
    "翟": "zhai", "员": "yun", "員": "yun", "秘": "bi", "折": "she", "黑": "he", "种": "chong",
    "冼": "xian", "洗": "xian", "祭": "zhai", "佴": "nai", "繁": "po", "谌": "chen", "諶": "chen", "召": "shao",
    "都": "du", "车": "che", "車": "che", "能": "nai", "句": "gou", "隗": "wei", "过": "guo", "逄": "pang",
    "任": "ren", "华": "hua", "華": "hua", "尉": "wei", "宁": "ning", "那": "na", "纪": "ji", "应": "ying",
}
# Characters of given names that people read in two ways.
_ALSO = {"乐": "yue", "樂": "yue", "朝": "zhao", "长": "zhang", "長": "zhang", "行": "hang", "重": "chong", "茜": "xi",
         "晟": "cheng", "盛": "cheng", "藏": "zang", "娜": "nuo", "柏": "bo", "莘": "shen", "兴": "xing", "参": "shen",
         "曾": "zeng", "单": "shan", "解": "xie", "朴": "pu", "翟": "di", "隗": "kui", "牟": "mu", "覃": "tan"}
# Outside pypinyin's tables, or read otherwise there.
_RARE = {"阿": "a", "卜": "bu", "𠮷": "ji", "𬭎": "hong", "䶮": "yan", "㛃": "jie", "〇": "ling"}


def _written(text: str) -> str:
    """A text in one width and composition: what every comparison here begins with."""
    return unicodedata.normalize("NFKC", text).replace(_SUBSCRIPT, "")


def words_of(text: str) -> list[str]:
    """The words of a name: its runs of letters. Digits and signs part them and are none."""
    return [fold(word) for word in _WORDS.findall(_written(text))]


def fold(text: str) -> str:
    """A text as it is compared: case, width, blanks and middle dots do not matter."""
    folded = _written(text).casefold()
    if folded.isalnum():                 # as nearly every name: no blank and no dot is a letter or a digit
        return folded
    return "".join(folded.translate(_IGNORED).split())


def same_name(one: str, other: str) -> bool:
    """Whether two texts are one name: a name in Latin letters may be written in either order ("Smith, John")."""
    if fold(one) == fold(other):
        return bool(fold(one))
    if _has_han(_written(one + other)):
        return False
    words, others = sorted(words_of(one)), sorted(words_of(other))
    return len(words) > 1 and words == others


def name_key(text: str) -> str:
    """One key for all texts that `same_name` takes for one name (and for their anagrams): the letters of `fold`, in
    order. Digits count only beside Chinese characters, where `same_name` reads the whole text."""
    whole = _has_han(_written(text))
    return "".join(sorted(letter for letter in fold(text) if letter.isalnum() and (whole or not letter.isdecimal())))


def search_keys(name: str, name_en: str = "") -> str:
    """The words by which a person is found, between blanks: pinyin, given name, initials marked `·`, folded names.

    Stored with the person, and read by `matches` and `like_patterns`.
    """
    keys: dict[str, None] = {}
    for text in filter(None, (name, name_en)):
        keys.update(dict.fromkeys(_keys(text)))
    keys.pop("", None)
    return f" {' '.join(keys)} " if keys else ""


def _keys(text: str) -> Iterable[str]:
    folded = fold(text)
    yield folded
    han = "".join(filter(_is_han, folded))
    if han:
        yield from _han_keys(han)
    if len(han) < len(folded):           # most names are Chinese characters and nothing else
        words = [word for word in words_of(text) if not _has_han(word)]
        if words:
            yield from _latin_keys(words)


def _latin_keys(words: list[str]) -> Iterable[str]:
    for start in range(len(words)):
        joined = "".join(words[start:])
        yield joined
        yield _plain(joined)
    if len(words) > 1:
        yield words[-1] + "".join(words[:-1])
        yield _WHOLE + _plain("".join(word[0] for word in words))


def _han_keys(han: str) -> Iterable[str]:
    surname = next((han[:size] for size in (4, 2) if han[:size] in COMPOUND_SURNAMES), han[:1])
    choices = [*_surname_readings(surname), *map(_given_readings, han[len(surname):])]
    for syllables in _variants(choices):
        full = "".join(syllables)
        yield full
        yield full.replace("v", "yu")
        if len(han) > len(surname):
            yield "".join(syllables[len(surname):])
        for initials in _variants(list(map(_initials, syllables))):
            yield _WHOLE + "".join(initials)


def _variants(choices: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """All ways to choose, or the first way alone when they are too many."""
    ways = prod(map(len, choices))
    return list(product(*choices)) if 1 < ways <= _MOST_VARIANTS else [tuple(choice[0] for choice in choices)]


@cache
def _surname_readings(surname: str) -> tuple[tuple[str, ...], ...]:
    if surname in _COMPOUND_READINGS:
        return tuple((syllable,) for syllable in _COMPOUND_READINGS[surname].split())
    if len(surname) > 1:
        return tuple((_reading(letter),) for letter in surname)
    ordinary = _given_readings(surname)
    first = _SURNAME_READINGS.get(surname, ordinary[0])
    return ((first, *(reading for reading in ordinary if reading != first)),)


@cache
def _given_readings(letter: str) -> tuple[str, ...]:
    first, other = _reading(letter), _ALSO.get(letter)
    return (first, other) if other and other != first else (first,)


@cache
def _reading(letter: str) -> str:
    """The ordinary reading of one character without tones (ü is v); the character itself when nobody knows."""
    if letter in _RARE:
        return _RARE[letter]
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")    # 43 MB, and they say nothing of a character by itself
    from pypinyin import Style, pinyin

    return pinyin(letter, style=Style.NORMAL)[0][0]


@cache
def _initials(syllable: str) -> tuple[str, ...]:
    return (syllable[0], syllable[:2]) if syllable.startswith(_DIGRAPHS) else (syllable[0],)


def _plain(text: str) -> str:
    """Without accents, apostrophes and hyphens: how a name is typed on a keyboard that lacks them."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if c.isalnum())


@cache
def _is_han(letter: str) -> bool:
    return letter == "〇" or unicodedata.name(letter, "").startswith("CJK ")


def _has_han(word: str) -> bool:
    return any(_is_han(letter) for letter in word)


def matches(query: str, keys: str) -> bool:
    """Whether a query finds the person of these search keys.

    One character finds nothing; two Latin letters are the whole initials of a name (behaviour 38).
    """
    return any(needle in keys for needle in _needles(query))


def like_patterns(query: str) -> list[str]:
    r"""The same rule as `matches` for SQL: LIKE patterns (escape `\`), of which one must hold; none finds nobody."""
    return ["%" + re.sub(r"([\\%_])", r"\\\1", needle) + "%" for needle in _needles(query)]


def _needles(query: str) -> list[str]:
    wanted = fold(query)
    letters = _plain(wanted)
    if len(wanted) < 2 or len(letters) < 2:
        return []
    if not _LATIN.fullmatch(letters):
        return [wanted]
    initials = f" {_WHOLE}{letters} "
    return [initials] if len(letters) == 2 else [f" {wanted}", initials]
