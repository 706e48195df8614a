"""What the import says to people: one sentence for each error code, in the language of who asks."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# The Chinese sentence is the msgid; its English is in translations/en/LC_MESSAGES/admin.po.
SENTENCES = {
    # the whole file
    "empty": "这个文件里没有内容。",
    "empty_sheet": "工作表“%(sheet)s”里没有内容。",
    "no_sheet": "文件里没有名为“%(sheet)s”的工作表，只有：%(found)s。",
    "no_sheets_here": "文本文件没有工作表，请去掉工作表名“%(sheet)s”。",
    "form": "这是一张填写用的登记表，不是一行一人的名单。请先整理成首行为列名、每人一行的表格。",
    "no_name_column": "没有找到“姓名”这一列。找到的列：%(found)s。请指定哪一列是姓名。",
    "no_people": "名单里只有表头，没有人员。",
    "password": "文件加了密码，打不开。请在 Excel 或 WPS 里取消密码后重新保存。",
    "broken": "文件已损坏或不完整，打不开。请重新复制或导出一份。",
    "wrong_kind": "这是%(kind)s，不是名单表格。请使用 xlsx、xls 或 csv 文件。",
    "old_format": "这是%(kind)s。请在 Excel 或 WPS 里另存为 .xlsx 后再导入。",
    "too_large": "文件太大：最多 %(limit)s MB。",
    "too_large_unpacked": "工作簿展开后太大：最多 %(limit)s MB。",
    "too_many_sheets": "工作表太多：最多 %(limit)s 张。请把名单那一张另存为单独的文件。",
    "too_heavy": "读这个文件要用的时间或内存太多，已停止。请把名单复制到一个新的工作簿，保存后再导入。",
    "too_many_rows": "行数太多：最多 %(limit)s 行。如果下面是空行，请删除多余的行后再保存。",
    "too_many_columns": "列数太多：最多 %(limit)s 列。请删除多余的列后再保存。",
    "encoding": "认不出文件的文字编码。请另存为 UTF-8 的 csv 或 xlsx。",
    "quotes": "第 %(row)s 行的引号不成对，后面的内容分不清。请改好后再导入。",
    "unknown_column": "没有名为“%(column)s”的列。找到的列：%(found)s。",
    "unknown_field": "没有名为“%(field)s”的项目。可用的有：%(found)s。",
    "not_found": "找不到文件“%(name)s”，或者打不开。",
    # one row
    "no_name": "没有姓名。",
    "too_long": "“%(column)s”太长：最多 %(limit)s 个字。",
    "lost_digits": "“%(column)s”里的“%(value)s”丢了数字，已经不完整。请把这一列设为文本后重新填写。",
    "no_digits": "“%(column)s”里的“%(value)s”没有数字，不是号码。",
    "unknown_state": "不认识状态“%(value)s”。可用的有：%(allowed)s。",
    "unknown_vip": "“%(column)s”里的“%(value)s”看不出是还是否。请填“是”或“否”。",
    "unknown_category": "会务方案里没有类别“%(value)s”，最接近的是“%(nearest)s”。",
    "duplicate": "与第 %(first)s 行是同一个人，没有合并。",
    "ambiguous": "名单里符合的不止一人，分不清是谁。请在这一行填上编号。",
    # a remark, nothing refused
    "error_cell": "第 %(row)s 行“%(column)s”是出错的公式（%(value)s），按空白处理。",
}
# What `kind` may say in the sentences above.
KINDS = {
    "word": "Word 文档", "slides": "演示文稿", "pdf": "PDF 文件", "image": "图片", "archive": "压缩包",
    "binary": "程序或数据文件",
    "html": "网页内容，只是文件名像表格", "xml": "XML 表格", "ods": "OpenDocument 表格", "xlsb": "二进制工作簿（xlsb）",
}


def say(sentence: str, **params: Any) -> str:
    """The sentence in the language of the request or command; in Chinese where there is none."""
    from flask import current_app, has_app_context

    if has_app_context() and "babel" in current_app.extensions:
        from flask_babel import gettext

        return str(gettext(sentence, **params))
    return sentence % params if params else sentence


def _sentence(error: str, params: dict[str, Any]) -> str:
    spoken = dict(params)
    if "kind" in spoken:
        spoken["kind"] = say(KINDS[spoken["kind"]])
    return say(SENTENCES[error], **spoken)


class RosterError(Exception):
    """The file as a whole is refused. `error` is the stable code, `message` the sentence for a person."""

    def __init__(self, error: str, **params: Any) -> None:
        super().__init__(error)
        self.error, self.params = error, params

    @property
    def message(self) -> str:
        """Why, in the language of who asks."""
        return _sentence(self.error, self.params)

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row not taken, or with the error `error_cell` a remark. `row` is as the spreadsheet shows it."""

    row: int
    error: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """Why, in the language of who asks."""
        return _sentence(self.error, {"row": self.row, **self.params})
