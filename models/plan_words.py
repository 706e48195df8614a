"""What a plan's reader says to people: every mistake at once, each with its line, table and key."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from models.words import gettext

Path = tuple[str | int, ...]   # ("service", 2, "windows", 0, "closes"): table, which one, key …

# The Chinese sentence is the msgid; its English is in translations/en/LC_MESSAGES/models.po.
SENTENCES = {
    # the text as TOML
    "syntax": "这里不符合 TOML 的写法（%(detail)s）。",
    "syntax_seconds": "时间要写到秒，例如 2026-12-05T11:30:00。",
    "syntax_full_width": "这里有全角的引号、等号、逗号或括号，请改成半角：\" = , [ ]。",
    "twice": "这里把同一项写了两次，请删去一处（%(detail)s）。",
    # tables and keys
    "unknown_key": "没有“%(key)s”这一项，是不是“%(nearest)s”？",
    "unknown_key_far": "没有“%(key)s”这一项。可用的有：%(known)s。",
    "missing": "缺少“%(key)s”。",
    "blank": "“%(key)s”不能空着。",
    "one_table": "这张表只写一次，用一层方括号：[%(table)s]。",
    "many_tables": "这张表要用两层方括号：[[%(table)s]]。",
    "no_category": "至少要有一个证件种类：[[category]]。",
    # values
    "text": "“%(key)s”要写成文字，放在双引号里。",
    "number": "“%(key)s”要写成整数，不加引号。",
    "yes_no": "“%(key)s”只能写 true 或 false，不加引号。",
    "date": "“%(key)s”要写成日期，例如 2026-12-05，不加引号。",
    "moment": "“%(key)s”要写成当地日期和时间，例如 2026-12-05T11:30:00，不加引号，不带时区。",
    "list": "“%(key)s”要写成列表，放在方括号里。",
    "table": "“%(key)s”里要写成 {…} 的形式。",
    "choice": "“%(key)s”不能是“%(value)s”。可用的有：%(known)s。",
    "too_small": "“%(key)s”不能小于 %(limit)s。",
    "too_large": "“%(key)s”不能大于 %(limit)s。",
    "too_long": "“%(key)s”太长：最多 %(limit)s 个字。",
    "control": "“%(key)s”里有换行或控制字符，请写在一行里。",
    "year": "“%(key)s”的年份不对：%(value)s。",
    "key": "“%(value)s”不能作 key：只用小写字母 a-z、数字和连字符 -，1 到 40 个字符。",
    "colour": "颜色“%(value)s”不对，要写成 #1f6feb 这样的六位十六进制数。",
    "timezone": "不认识时区“%(value)s”，是不是“%(nearest)s”？",
    "url": "打印机地址“%(value)s”不对。可以写：tcp://192.168.1.50:9100、usb://04b8:0e15、serial:///dev/ttyUSB0?baud=115200、"
           "win32://NAME、file:///dev/usb/lp0、virtual://。",
    "width": "打印宽度 %(value)s 不对：要是 8 的倍数，200 到 832 点（58 毫米纸 384，80 毫米纸 576）。",
    # what belongs together
    "duplicate": "“%(value)s”与第 %(first)s 个重复，key 不能相同。",
    "undefined": "方案里没有%(what)s“%(value)s”。",
    "undefined_near": "方案里没有%(what)s“%(value)s”，是不是“%(nearest)s”？",
    "needs_itself": "“needs”绕成了一圈：%(way)s，谁也领不到。",
    "backup_itself": "打印机不能作自己的备用。",
    "event_order": "会议的结束日期 %(ends)s 早于开始日期 %(starts)s。",
    "order": "“%(after)s”要晚于“%(before)s”。",
    "pair": "“%(given)s”要与“%(missing)s”一起写。",
    "both": "“windows”与“opens”“closes”只能写一种。",
    "no_such_time": "当地没有 %(value)s 这个时刻：那天拨快了时钟。",
    "only_meal": "只有用餐（meal）可以有餐券：coupon。",
    "only_material": "只有资料（material）可以有库存：stock。",
    "only_desk": "只有 gate 和 desk 可以离线：offline。",
    "kiosk": "自助机要有一个签到项目（sign_in），否则没有事可做。",
    # remarks, nothing refused
    "nowhere": "没有服务点办理这一项。",
    "nobody": "“entitled”是空的，没有人能用这一项。",
    "idle": "这个服务点没有服务项目。",
    "only_session": "“%(key)s”只用于考勤（session）；开放时间请写 opens 和 closes。",
    "far_off": "“%(key)s”不在会议日期内：%(value)s。",
    # an event that is there already
    "exists": "这个文件夹里已经有会议“%(name)s”。请换一个数据文件夹，或在管理页面修改方案。",
    "category_used": "还有 %(count)s 人是这个证件种类，不能删除。",
    "service_used": "这一项已有扫码记录、餐券或个人资格，不能删除。可以关闭它。",
    "kind_used": "这一项已有扫码记录或餐券，不能改种类。",
    "station_scanned": "这个服务点已有扫码记录，不能删除。",
    "station_paired": "这个服务点还配对着 %(count)s 台平板，请先解除配对。",
    "printer_busy": "这台打印机还有 %(count)s 张小票没有结果，不能删除。",
}
THINGS = {"category": "证件种类", "service": "项目", "printer": "打印机"}
PLACE = "第 %(line)s 行，"


class Problem(NamedTuple):
    """One mistake: the line where it is known, the table and key, and a sentence for a person.

    `path` and `code` say the same to a page that shows the sentence beside its field, in the words of a form.
    """

    line: int | None
    where: str
    message: str
    path: Path = ()
    code: str = ""

    def __str__(self) -> str:
        place = gettext(PLACE, line=self.line) if self.line else ""
        return f"{place}{self.where}: {self.message}" if self.where else f"{place}{self.message}"


class PlanError(Exception):
    """The plan is refused. `problems` holds all that is wrong with it, in the order of its lines."""

    def __init__(self, problems: list[Problem]):
        super().__init__()
        self.problems = sorted(problems, key=lambda problem: (problem.line is None, problem.line or 0))

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Lines(Protocol):
    """Knows where the text says something."""

    def find(self, path: Path) -> int | None:
        """The line of a path, or of the nearest thing around it."""


class Report:
    """Collects mistakes and remarks while a plan is looked at."""

    def __init__(self, raw: Mapping[str, Any], lines: Lines | None = None):
        self.raw, self._lines = raw, lines
        self.errors: list[Problem] = []
        self.remarks: list[Problem] = []

    def error(self, path: Path, code: str, **params: Any) -> None:
        """Something is wrong there."""
        self.errors.append(self._problem(path, code, params))

    def remark(self, path: Path, code: str, **params: Any) -> None:
        """Something there is allowed, but hardly meant."""
        self.remarks.append(self._problem(path, code, params))

    def given(self, path: Path) -> bool:
        """Whether the plan says something there, right or wrong."""
        value: Any = self.raw
        for step in path:
            if isinstance(step, str) and not (isinstance(value, Mapping) and step in value):
                return False
            value = value[step]
        return True

    def _problem(self, path: Path, code: str, params: dict[str, Any]) -> Problem:
        line = self._lines.find(path) if self._lines else None
        return Problem(line, place(path, self.raw), sentence(code, **params), path, code)


def sentence(code: str, **params: Any) -> str:
    """A sentence by its code, in the language of who asks."""
    if "what" in params:
        params["what"] = gettext(THINGS[params["what"]]).lower()     # a column's heading elsewhere, inside a sentence here
    return gettext(SENTENCES[code], **params)


def place(path: Path, raw: Mapping[str, Any]) -> str:
    """Table and key as a person would look for them: `[[service]] d1-lunch · windows 2 closes`."""
    if not path:
        return ""
    table, rest = path[0], path[1:]
    if not (rest and isinstance(rest[0], int)):
        return " · ".join([f"[{table}]", *_words(rest)])
    item = raw[str(table)][rest[0]]
    key = item.get("key") if isinstance(item, Mapping) else None
    return " · ".join([f"[[{table}]] {key if isinstance(key, str) else rest[0] + 1}", *_words(rest[1:])])


def _words(steps: Path) -> list[str]:
    return [" ".join(str(step + 1) if isinstance(step, int) else step for step in steps)] if steps else []
