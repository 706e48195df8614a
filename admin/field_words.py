"""The words of roster fields, states and cell values, for the coordinator's pages."""
from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_pgettext
from flask_babel import lazy_gettext as _

from admin.shell import said
from models.snapshot import Snapshot

FIELDS = {
    "number": _("编号"), "name": _("姓名"), "name_en": _("英文名"), "organisation": _("单位"), "post": _("职务"),
    "delegation": lazy_pgettext("field", "代表团"), "category": lazy_pgettext("field", "证件种类"), "phone": _("手机"), "email": _("邮箱"),
    "id_number": _("身份证号"), "sex": _("性别"), "nation": _("民族"), "diet": _("饮食"), "hint": _("提示"),
    "seat": _("座位"), "table": _("桌号"), "room": _("房间号"), "vip": _("贵宾"), "arrival": _("车次/航班"),
    "state": _("状态"), "remarks": _("备注"),
}
STATES = {"registered": _("已报名"), "pending": _("待审核"), "cancelled": _("已取消")}
BADGES = {"issued": _("已制发"), "reissued": _("已补发，旧证作废"), "revoked": _("已作废")}    # what was done to one
DONE = {"badge": _("代表证"), "rights": _("资格")}
COLUMNS = {"category_key": "category", "delegation_id": "delegation", "table_no": "table"}


def label(name: str) -> str:
    """The word for a roster field."""
    field = COLUMNS.get(name, name)
    return str(FIELDS.get(field) or DONE.get(field, field))


def value(name: str, raw: Any, plan: Snapshot) -> str:
    """A field's value as a person reads it: names for keys, words for yes and no."""
    field = COLUMNS.get(name, name)
    if field == "category" and raw in plan.categories:
        return str(said(plan.categories[raw]))
    if field == "delegation" and isinstance(raw, int):
        return plan.delegations.get(raw, "")
    if field == "state" and raw in STATES:
        return str(STATES[raw])
    if field == "badge" and raw in BADGES:
        return str(BADGES[raw])
    if field == "rights":
        return "、".join(_right(one, plan) for one in raw)
    if field == "vip":
        return gettext("是") if raw in (True, "True") else gettext("否")
    return "" if raw is None else str(raw)


def _right(exception: list[Any], plan: Snapshot) -> str:
    """An exception of one service, in words."""
    key, allowed, limit = exception
    service = plan.services.get(key)
    words = gettext("可以") if allowed else gettext("不可以")
    return f"{said(service) if service else key} {words}{f' ×{limit}' if limit else ''}"
