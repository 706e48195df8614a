"""Invented attendees for the sample roster, the demo and the rehearsal. Nobody here exists.

Phones begin with 1990 000 and are not assigned; e-mail addresses are of example.org (RFC 2606).
"""
from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

# key, name, English name, and how many in a hundred
CATEGORIES = (("delegate", "代表", "Delegate", 70), ("guest", "嘉宾", "Guest", 10), ("observer", "列席", "Observer", 8),
              ("press", "记者", "Press", 5), ("staff", "工作人员", "Staff", 7))
SAMPLE_CATEGORIES = ("代表", "嘉宾", "工作人员")            # those of the example plan (samples_plan.py)
DELEGATIONS = ("华北代表团", "东北代表团", "华东代表团", "华中代表团", "华南代表团", "西南代表团", "西北代表团", "港澳台代表团",
               "国际代表团")
_HOME, _ABROAD = DELEGATIONS[:-1], DELEGATIONS[-1]

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈"
_LESS_COMMON = ("欧阳", "司马", "上官", "诸葛", "尉迟", "长孙", "令狐", "皇甫", "单", "仇", "解", "查", "盖", "覃", "缪", "翟", "区", "朴")
_WOMEN = ("芳", "娜", "静", "丽君", "秀英", "雅琴", "思远", "婉清", "晓彤", "雨桐", "若曦", "文静", "欣怡", "梦琪", "佳宁", "海燕",
          "玉兰", "慧敏", "书瑶", "诗涵")
_MEN = ("伟", "强", "磊", "建国", "志明", "俊杰", "浩然", "子轩", "宇航", "明哲", "晓东", "国栋", "文博", "天佑", "振华", "立新",
        "家豪", "永康", "泽宇", "朝阳")
# Characters that fonts and encodings of yesterday do not know.
_RARE = (("李𠮷", "男"), ("龚䶮", "男"), ("王㛃", "女"), ("陈𬭎", "男"), ("赵堃", "男"), ("朱祐樘", "男"), ("林喆", "女"),
         ("何翀", "男"))
_MINORITY = (("阿卜杜拉·买买提", "男", "维吾尔族"), ("迪丽娜尔·艾山", "女", "维吾尔族"), ("叶尔江·哈孜别克", "男", "哈萨克族"),
             ("扎西顿珠", "男", "藏族"), ("卓玛央金", "女", "藏族"), ("孟和巴特尔", "男", "蒙古族"), ("乌云其木格", "女", "蒙古族"),
             ("马依布拉", "男", "回族"), ("金慧善", "女", "朝鲜族"), ("阿依古丽·卡德尔·吐尔逊", "女", "维吾尔族"))
_FOREIGN = (("约翰·史密斯", "John Smith", "男"), ("Gabriel García Fuentes", "Gabriel García Fuentes", "男"),
            ("安娜·科瓦廖娃", "Anna Kovaleva", "女"), ("田中美咲", "Misaki Tanaka", "女"), ("Chidi Okafor", "Chidi Okafor", "男"),
            ("Sinéad O’Brien", "Sinéad O’Brien", "女"), ("Jürgen Müller-Lüdenscheidt", "Jürgen Müller-Lüdenscheidt", "男"),
            ("Nguyễn Thị Lan", "Nguyễn Thị Lan", "女"), ("Maria da Conceição Albuquerque Vasconcelos",
                                                        "Maria da Conceição Albuquerque Vasconcelos", "女"),
            ("金敏俊", "Minjun Kim", "男"), ("Bo Li", "Bo Li", "男"), ("Fatima Al-Zahra", "Fatima Al-Zahra", "女"))
_UNITS = ("江北大学", "临海理工学院", "东岭师范大学", "云山医科大学", "第一研究所", "第七设计研究院", "海州市科学技术协会",
          "青原农业科学院", "南屏职业技术学院", "星河出版社", "长风精密仪器有限公司", "澄江水利勘测设计研究院有限责任公司",
          "西川高原生态与环境研究中心", "中部地区轨道交通装备可靠性与安全运维联合实验室",
          "北辰新材料与智能制造产业技术创新战略联盟秘书处（筹）", "晨报社", "新港电视台")
_UNITS_ABROAD = ("University of Northbridge", "Instituto Nacional de Estudios Aplicados", "Hafen Technische Universität",
                 "Lakeside Research Council", "みなと科学大学", "International Federation of Conference Science and Technology")
_POSTS = ("教授", "副教授", "讲师", "研究员", "副研究员", "高级工程师", "工程师", "主任", "副主任", "院长", "秘书长", "博士研究生", "")
_DIETS = ("", "", "", "", "", "", "", "素食", "不吃辣", "海鲜过敏")
_HINTS = ("行动不便，请安排就近座位", "大会报告人，请提醒试讲", "需要英文同传耳机", "资料袋多领一份")
_ARRIVALS = ("G102 北京南—江北 12:40", "D3125 14:05", "MU5137 16:20", "自驾", "", "", "")


def people(count: int, seed: int = 2026, categories: Collection[str] = ()) -> list[dict[str, Any]]:
    """Invented attendees, keyed by roster field; the same ones for the same arguments.

    Of the categories named (all when none is), as the roster names them.
    """
    chance = random.Random(seed)
    shares = {name: share for _, name, _, share in CATEGORIES if not categories or name in categories}
    found = [_person(chance, index, shares) for index in range(1, count + 1)]
    if count > 20:                                       # two of one name, told apart by their units
        found[18] |= {"name": "王伟", "sex": "男", "nation": "汉族", "name_en": "Wei Wang", "organisation": _UNITS[0]}
        found[19] |= {"name": "王伟", "sex": "男", "nation": "汉族", "name_en": "Wei Wang", "organisation": _UNITS[1]}
    return found


def _person(chance: random.Random, index: int, shares: dict[str, int]) -> dict[str, Any]:
    foreign = index % 9 == 0
    person = _foreigner(chance, index // 9) if foreign else _chinese(chance, index)
    category = chance.choices(list(shares), list(shares.values()))[0]
    guest = category == "嘉宾"
    return {
        "number": f"A{index:05d}", **person, "category": category, "phone": f"1990{index:07d}",
        "email": f"a{index:05d}@example.org", "post": chance.choice(_POSTS),
        "diet": "清真" if person["nation"] in ("维吾尔族", "回族", "哈萨克族") else chance.choice(_DIETS),
        "hint": chance.choice(_HINTS) if chance.random() < 0.05 else "",
        "seat": f"{chr(65 + (index - 1) // 20 % 26)}-{(index - 1) % 20 + 1}", "table": str((index - 1) // 10 + 1),
        "room": f"{(index - 1) // 30 + 3}{(index - 1) % 30 + 1:02d}", "vip": guest and chance.random() < 0.6,
        "arrival": chance.choice(_ARRIVALS), "state": chance.choices(("", "待审核", "取消"), (94, 3, 3))[0], "remarks": "",
    }


def _chinese(chance: random.Random, index: int) -> dict[str, Any]:
    nation = "汉族"
    if index % 13 == 0:
        name, sex, nation = _MINORITY[index // 13 % len(_MINORITY)]
    elif index % 17 == 0:
        name, sex = _RARE[index // 17 % len(_RARE)]
    else:
        sex = chance.choice("男女")
        surname = chance.choice(_LESS_COMMON) if index % 7 == 0 else chance.choice(_SURNAMES)
        name = surname + chance.choice(_WOMEN if sex == "女" else _MEN)
    return {"name": name, "name_en": "", "sex": sex, "nation": nation, "organisation": chance.choice(_UNITS),
            "delegation": chance.choice(_HOME)}


def _foreigner(chance: random.Random, index: int) -> dict[str, Any]:
    name, name_en, sex = _FOREIGN[index % len(_FOREIGN)]
    return {"name": name, "name_en": name_en, "sex": sex, "nation": "", "organisation": chance.choice(_UNITS_ABROAD),
            "delegation": _ABROAD}


_HEADERS = {
    "number": ("编号", 10), "name": ("姓名", 22), "name_en": ("英文名", 24), "organisation": ("单位", 36), "post": ("职务", 14),
    "delegation": ("代表团", 14), "category": ("类别", 10), "phone": ("手机", 14), "email": ("邮箱", 24), "sex": ("性别", 6),
    "nation": ("民族", 10), "diet": ("饮食", 10), "hint": ("提示", 26), "seat": ("座位", 8), "table": ("桌号", 8),
    "room": ("房间号", 8), "vip": ("贵宾", 6), "arrival": ("车次/航班", 26), "state": ("状态", 8), "remarks": ("备注", 20),
}


def write_sample_roster(path: Path | str, count: int = 200, seed: int = 2026,
                        categories: Collection[str] = SAMPLE_CATEGORIES) -> Path:
    """Writes the sample roster as xlsx: one header row that stays in view, everything as text. Gives the path."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    sheet.title = "参会人员"
    sheet.append([header for header, _ in _HEADERS.values()])
    for person in people(count, seed, categories):
        sheet.append([_shown(person.get(name)) for name in _HEADERS])
    for index, (_, width) in enumerate(_HEADERS.values(), 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    for cell in sheet[1]:
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="1F3A5F")
        cell.alignment = Alignment(vertical="center")
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.number_format = "@"                     # text: a phone stays a phone when somebody edits it
    sheet.row_dimensions[1].height = 22
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions
    book.save(path)
    book.close()
    return Path(path)


def _shown(value: Any) -> str | None:
    if isinstance(value, bool):
        return "是" if value else None
    return value or None
