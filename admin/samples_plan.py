"""Plans to start from: the example that `sample DIR` writes; the demo's stands in samples_demo."""
from __future__ import annotations

from datetime import date, timedelta

from admin.samples_demo import demo_plan

__all__ = ["demo_plan", "sample_plan"]

_SAMPLE = """\
# 会务方案示例。改成自己的会议，然后：python app.py init --plan 方案.toml --roster 名单.xlsx
# An example plan. Make it your own, then: python app.py init --plan PLAN.toml --roster ROSTER.xlsx
# “#”后面是说明，不起作用。每一项的意思见 docs/plan.md。
# What follows a "#" is a remark. docs/plan.md explains every key.

[event]
name = "2026年行业交流会"
name_en = "Industry Exchange"
organiser = "某某学会"                      # 主办单位
venue = "国际会议中心"                       # 地点
timezone = "Asia/Shanghai"                # 下面的时间都是这里的当地时间 all times are local to it
starts = {day1}                       # 第一天 first day
ends = {day2}                         # 最后一天 last day

# 证件种类：名单里的“类别”要在这里找得到；没写类别的人归第一种。
# Categories of badge: those of the roster; people without one are of the first.
[[category]]
key = "delegate"
name = "代表"
name_en = "Delegate"
colour = "#1f6feb"

[[category]]
key = "guest"
name = "嘉宾"
name_en = "Guest"
colour = "#8250df"
hint = "请引导至贵宾室"                      # 每次扫码时提示工作人员 shown to staff at every scan

[[category]]
key = "staff"
name = "工作人员"
name_en = "Staff"
colour = "#57606a"

# 服务项目，四种：sign_in 签到，material 资料，session 考勤，meal 用餐。
# Services of four kinds: sign_in, material (handed out), session (in and out), meal.
[[service]]
key = "signin"
kind = "sign_in"
name = "报到"
name_en = "Check-in"
slip = true                               # 打印小票 prints a slip

[[service]]
key = "bag"
kind = "material"
name = "资料袋"
name_en = "Conference bag"
stock = 300                               # 库存 how many there are
needs = ["signin"]                        # 先报到 check-in first

[[service]]
key = "d1-opening"
kind = "session"
name = "开幕式"
name_en = "Opening"
starts = {day1}T09:00:00
ends = {day1}T11:30:00
late_after_minutes = 10                   # 10 分钟后算迟到 late after ten minutes

[[service]]
key = "d1-lunch"
kind = "meal"
name = "第一天午餐"
name_en = "Lunch, day 1"
opens = {day1}T11:30:00
closes = {day1}T13:30:00
tolerance_minutes = 10                    # 前后放宽 10 分钟 ten minutes before and after
coupon = true                             # 报到时打印餐券 its coupon is printed at check-in

[[service]]
key = "d1-dinner"
kind = "meal"
name = "第一天晚宴"
name_en = "Dinner, day 1"
opens = {day1}T18:00:00
closes = {day1}T20:30:00
entitled = ["delegate", "guest"]          # 有资格的种类，不写就是全部 all categories when left out

# 服务点：每个服务点配对一台或几台平板。kiosk 自助机，desk 服务台，gate 入口，board 大屏。
# Stations: each is paired with a tablet or several. Modes kiosk, desk, gate, board.
[[station]]
key = "kiosk-1"
name = "自助报到机"
name_en = "Self check-in"
mode = "kiosk"
services = ["signin"]
printer = "front"

[[station]]
key = "desk-1"
name = "报到台"
name_en = "Registration desk"
mode = "desk"
services = ["signin", "bag"]
printer = "front"
offline = true                            # 断网时可用加密名单 may hold the encrypted offline roster

[[station]]
key = "gate-1"
name = "会场与餐厅入口"
name_en = "Hall and dining room"
mode = "gate"
services = ["d1-opening", "d1-lunch", "d1-dinner"]

[[station]]
key = "board"
name = "大屏"
name_en = "Big screen"
mode = "board"

# 打印机：先用 virtual://（画在浏览器里）试，再换成真的，例如 tcp://192.168.1.50:9100。
# Printers: try virtual:// (drawn in the browser) first, then a real one.
[[printer]]
key = "front"
name = "前台打印机"
name_en = "Front desk printer"
url = "virtual://"
width = 576                               # 80 毫米纸 576，58 毫米纸 384 dots: 576 for 80 mm paper, 384 for 58 mm
"""


def sample_plan(first_day: date) -> str:
    """An example plan of two days with a remark at everything, in both languages."""
    return _SAMPLE.format(day1=first_day, day2=first_day + timedelta(days=1))
