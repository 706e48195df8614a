"""Makes docs/plan.md, the reference of the plan file, from the types that read it: `python -m admin.plan_reference`."""
from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from admin.samples_plan import sample_plan
from models import plan_types as types

TARGET = Path(__file__).parent.parent / "docs" / "plan.md"
_EXAMPLE_DAY = date(2026, 12, 5)
_HEAD = """\
# 会务方案 The plan file

<!-- 由 python -m admin.plan_reference 生成，请不要直接修改。 Made by python -m admin.plan_reference; do not edit. -->

一个 TOML 文件写明一次会议有什么：会议、证件种类、服务项目、服务点、打印机。`app.py init --plan 方案.toml` 用它建立
会议；管理页面可以修改，也可以再导出成同样的文件。时间都是会议时区的当地时间，写到秒，不加引号：`2026-12-05T11:30:00`。
写错的项、没有定义的名字、先后颠倒的时间都会连同行号一起指出，一次全部列出；没有服务点办理的项目只作提醒。

One TOML file says what a meeting has: event, categories, services, stations, printers. `app.py init --plan PLAN.toml`
makes the event from it; the admin pages change it and export it again. Times are local to the event's time zone, with
seconds, without quotes. A wrong key, a name that nothing defines, a time that ends before it starts: each is named with
its line, all at once; a service at no station is a remark only.
"""
_TABLES = (("[event]", types.Event), ("[[category]]", types.Category), ("[[service]]", types.Service),
           ("[[service.windows]]", types.Window), ("[[service.question]]", types.Question),
           ("[[station]]", types.Station), ("[[printer]]", types.Printer))
_INLINE = {
    types.Window: "`windows = [{opens = …, closes = …}, …]`",
    types.Question: "`question = [{key = \"size\", text = \"尺码\", choices = [\"M\", \"L\"], required = true}]`",
}


def reference() -> str:
    """The text of docs/plan.md: every table and key with its default and meaning, and an example."""
    parts = [_HEAD, *(_section(title, table) for title, table in _TABLES),
             f"## 例子 Example\n\n```toml\n{sample_plan(_EXAMPLE_DAY)}```\n"]
    return "\n".join(parts)


def _section(title: str, table: type[types.Table]) -> str:
    chinese, english = (table.__doc__ or "").split(" | ")
    lines = [f"## `{title}`", "", f"{chinese}  ", english, ""]
    if table in _INLINE:
        lines += [_INLINE[table], ""]
    lines += ["| key | 写成 type | 默认 default | 意思 | meaning |", "| --- | --- | --- | --- | --- |"]
    kind = inspect.type_info(table)
    assert isinstance(kind, inspect.StructType)
    lines += [_row(field) for field in kind.fields]
    return "\n".join(lines) + "\n"


def _row(field: inspect.Field) -> str:
    chinese, english, kind = "", "", field.type
    while isinstance(kind, inspect.Metadata):
        # The inner meaning is a shared one (a key, a name); the outer one is said of this very key.
        chinese = chinese or (kind.extra_json_schema or {}).get("description", "")
        english = english or (kind.extra or {}).get("en", "")
        kind = kind.type
    return f"| `{field.name}` | {_written(kind)} | {_default(field)} | {chinese} | {english} |"


def _written(kind: Any) -> str:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return _written(next(part for part in kind.types if not isinstance(part, inspect.NoneType)))
    if isinstance(kind, inspect.LiteralType):
        return "文字 text"
    if isinstance(kind, inspect.ListType):
        return f"[{_written(kind.item_type)}, …]"
    words: dict[type, str] = {
        inspect.StrType: "文字 text", inspect.IntType: "整数 number", inspect.BoolType: "true / false",
        inspect.DateType: "日期 date", inspect.DateTimeType: "时间 time", inspect.StructType: "{…}"}
    return words[type(kind)]


def _default(field: inspect.Field) -> str:
    if field.required:
        return "必填 required"
    if field.default is msgspec.NODEFAULT or field.default in (None, ""):
        return ""
    return f"`{msgspec.json.encode(field.default).decode()}`"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
