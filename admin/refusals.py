"""What the coordinator's pages say when something is refused: one sentence each, in the page's language."""
from __future__ import annotations

from typing import Any

from flask import make_response, render_template
from flask_babel import gettext, lazy_gettext
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Forbidden, NotFound, ServiceUnavailable, TooManyRequests

from admin.room import pages
from models.writer import NotRecorded

# of admin/people.py
STAFF = {
    "no_name": lazy_gettext("请写姓名，最多 40 个字。"),
    "no_role": lazy_gettext("请选择角色。"),
    "pin_short": lazy_gettext("PIN 至少 4 位数字。"),
    "passphrase_short": lazy_gettext("总负责的口令至少 8 个字。"),
    "too_long": lazy_gettext("口令最多 128 个字。"),
    "exists": lazy_gettext("已经有同名的工作人员，请加上单位或编号区分。"),
    "unknown": lazy_gettext("没有这个工作人员。"),
    "last_coordinator": lazy_gettext("这是最后一位总负责，不能停用。请先添加另一位。"),
    "wrong": lazy_gettext("姓名或口令不对，请再输一次。"),
    "setup_used": lazy_gettext("一次性代码不对。代码在服务器启动时的窗口里，每次启动会换新的。"),
}
# of the ledger, for an undo
UNDO = {
    "no_such_scan": lazy_gettext("没有这条记录。"),
    "not_undoable": lazy_gettext("这条记录不能撤销：只有成功的扫码可以撤销。"),
    "already_undone": lazy_gettext("这条记录已经撤销过了。"),
    "reason_needed": lazy_gettext("请写明撤销的原因，它会记进扫码记录。"),
}
# why a scan was refused, as a word in a list (reason codes of api.md)
REASONS = {
    "unknown": lazy_gettext("查无此码"), "revoked": lazy_gettext("旧证作废"), "wrong_service": lazy_gettext("餐券不对"),
    "cancelled": lazy_gettext("报名已取消"), "replaced": lazy_gettext("已替会"), "pending": lazy_gettext("待审核"),
    "service_closed": lazy_gettext("项目已关闭"), "too_early": lazy_gettext("还没开始"), "too_late": lazy_gettext("已结束"),
    "not_entitled": lazy_gettext("没有资格"), "needs": lazy_gettext("还差一步"), "already_inside": lazy_gettext("已在场内"),
    "used_up": lazy_gettext("已用过"), "out_of_stock": lazy_gettext("已发完"), "answers_needed": lazy_gettext("还没选择"),
    "not_yours": lazy_gettext("无权撤销"),
}


def sentence(error: str) -> str:
    """The sentence for a stable error."""
    return str(STAFF.get(error) or UNDO.get(error) or gettext("没有办成，请再试一次。"))


def reason(code: str | None) -> str:
    """The word for a reason code."""
    return str(REASONS.get(code or "") or code or "")


def page(status: int, title: str, advice: str) -> tuple[str, int]:
    """A whole page for what went wrong: what it is, and the way on."""
    return render_template("admin/error.html", title=title, advice=advice), status


@pages.errorhandler(Forbidden)
def forbidden(_error: Any) -> Any:
    """Signed in, but not for this page."""
    return page(403, _("这一页只有总负责能看"), _("请用总负责的姓名登录，或请总负责来操作。"))


@pages.errorhandler(NotFound)
def not_found(_error: Any) -> Any:
    """Something that is no longer there."""
    return page(404, _("没有找到"), _("它可能已经被删除，或者地址写错了。"))


@pages.errorhandler(TooManyRequests)
def too_often(error: TooManyRequests) -> Any:
    """Too many wrong passphrases."""
    answer = make_response(*page(429, _("试得太多了，请等几分钟"), _("五分钟后再试。忘了口令，请总负责在“人员”里重设。")))
    if error.retry_after:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


@pages.errorhandler(ServiceUnavailable)
def busy(error: ServiceUnavailable) -> Any:
    """Too many sign in at this moment."""
    answer = make_response(*page(503, _("现在登录的人太多，请过几秒再试"), _("已经登录的人和服务点不受影响。")))
    answer.headers["Retry-After"] = str(error.retry_after or 1)
    return answer


@pages.errorhandler(CSRFError)
def stale(_error: Any) -> Any:
    """The page's token is another session's: it was open for too long, or a stranger's page sent the form."""
    return page(400, _("页面放得太久了"), _("没有做任何改动。请返回上一页，刷新后再试一次。"))


@pages.errorhandler(NotRecorded)
def not_recorded(_error: Any) -> Any:
    """The disk did not take it."""
    return page(503, _("没有记下来"), _("磁盘没有写成，没有做任何改动。请再试一次；还不行请看“备份与检查”。"))
