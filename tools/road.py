"""Draws docs/road.svg, the road of a scan on one page: `python tools/road.py`."""
from __future__ import annotations

from html import escape
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "docs" / "road.svg"
PAPER, INK, SOFT, LINE, SEAL, GREEN = "#f6f5f1", "#16181d", "#5d6475", "#d8d5cc", "#b5312a", "#14713a"
WIDTH, LEFT, BOX = 1120, 60, 1000
STEPS = (
    ("平板 Tablet", "static/js", "摄像头、扫码枪或查找 → 生成扫码编号 (UUID)，先存本机，再发送",
     "camera, wedge or search; makes the scan's id, writes it to its outbox, then sends", False),
    ("门 The door", "guard.py · kiosk/api.py", "谁、哪台平板、可以做什么；读取请求，别无其他",
     "authentication, role and CSRF; reads the request, nothing else", False),
    ("写入者 The one writer", "models/writer.py", "排队，自然成组，一组一个事务 BEGIN IMMEDIATE",
     "a queue; groups form by themselves; one transaction a group", True),
    ("事实 Gather", "models/gather.py", "整批一起查：编号、代表证、历史、计数；语句数与批量无关",
     "ids, badges, history, tallies for the whole batch; a bounded number of SELECTs", True),
    ("判定 Decide", "models/rules.py", "纯规则，按顺序，第一个不通过的原因就是答案；钟由外面给",
     "pure rules in the contract's order; the first reason is the answer; the clock is passed in", True),
    ("落笔 Write", "models/ledger.py · slips.py", "扫码记录、打印任务、餐券、库存、计数，各一条 INSERT；记录连成哈希链",
     "scans, print jobs, coupons, stock, tallies: one INSERT each; rows are chained by hash", True),
    ("提交 Commit", "SQLite WAL, synchronous=FULL", "写到磁盘之后，才告诉任何人；磁盘不收，就是 503，什么都没记",
     "on the disk before anybody is told; if the disk refuses: 503, nothing recorded", True),
    ("结果 Verdict", "kiosk/answers.py · verdict.js", "整屏的颜色、形状、一个大字、声音、振动",
     "the whole screen: colour, shape, one word, sound, vibration", False),
)
AFTER = (("小票 Slips", "printers/spooler.py", "坏掉的打印机不拖慢扫码", "a dead printer never delays a scan"),
         ("实时数字 Live", "kiosk/live.py", "一次绘制，大家共用，每秒至多 4 次", "rendered once, shared, at most 4 a second"))


def main() -> None:
    """Writes the picture."""
    parts, top = [title()], 130
    for number, (name, where, zh, en, inside) in enumerate(STEPS, 1):
        parts.append(step(top, number, name, where, (zh, en), inside))
        top += 102
    parts.append(f'<text x="{LEFT + 30}" y="{top + 24}" fill="{SOFT}" font-size="17">提交之后 after the commit</text>')
    for index, (name, where, zh, en) in enumerate(AFTER):
        parts.append(after(LEFT + index * (BOX // 2 + 10), top + 40, name, where, zh, en))
    height = top + 170
    TARGET.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="PingFang SC, Microsoft YaHei, '
        f'Noto Sans CJK SC, sans-serif">\n<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>\n'
        + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")


def title() -> str:
    """The head of the page."""
    return (f'<rect x="{LEFT}" y="36" width="52" height="52" rx="12" fill="{SEAL}"/>'
            f'<text x="{LEFT + 26}" y="72" fill="#fff" font-size="30" font-weight="700" text-anchor="middle">会</text>'
            f'<text x="{LEFT + 72}" y="64" fill="{INK}" font-size="30" font-weight="700">一次扫码走的路</text>'
            f'<text x="{LEFT + 72}" y="90" fill="{SOFT}" font-size="17">The road of a scan</text>'
            f'<text x="{LEFT + BOX}" y="90" fill="{GREEN}" font-size="16" text-anchor="end">绿边：同一个事务 green: one transaction</text>')


def step(top: int, number: int, name: str, where: str, words: tuple[str, str], inside: bool) -> str:
    """One station of the road."""
    colour, wide = (GREEN, 3) if inside else (LINE, 1.5)
    arrow = "" if number == 1 else f'<path d="M{LEFT + 54} {top - 16}v14m-6-6 6 7 6-7" fill="none" stroke="{SOFT}" stroke-width="2"/>'
    return (f'{arrow}<rect x="{LEFT}" y="{top}" width="{BOX}" height="84" rx="18" fill="#fff" stroke="{colour}" stroke-width="{wide}"/>'
            f'<text x="{LEFT + 54}" y="{top + 54}" fill="{SOFT}" font-size="30" text-anchor="middle">{number}</text>'
            f'<text x="{LEFT + 100}" y="{top + 38}" fill="{INK}" font-size="21" font-weight="700">{escape(name)}</text>'
            f'<text x="{LEFT + 100}" y="{top + 64}" fill="{SOFT}" font-size="15" font-family="monospace">{escape(where)}</text>'
            f'<text x="{LEFT + 430}" y="{top + 36}" fill="{INK}" font-size="16">{escape(words[0])}</text>'
            f'<text x="{LEFT + 430}" y="{top + 62}" fill="{SOFT}" font-size="14">{escape(words[1])}</text>')


def after(left: int, top: int, name: str, where: str, zh: str, en: str) -> str:
    """What comes later and holds nothing up."""
    return (f'<rect x="{left}" y="{top}" width="{BOX // 2 - 10}" height="100" rx="18" fill="none" stroke="{SOFT}" stroke-dasharray="6 6"/>'
            f'<text x="{left + 30}" y="{top + 40}" fill="{INK}" font-size="21" font-weight="700">{escape(name)}</text>'
            f'<text x="{left + BOX // 2 - 40}" y="{top + 40}" fill="{SOFT}" font-size="15" text-anchor="end" '
            f'font-family="monospace">{escape(where)}</text>'
            f'<text x="{left + 30}" y="{top + 68}" fill="{INK}" font-size="16">{escape(zh)}</text>'
            f'<text x="{left + 30}" y="{top + 88}" fill="{SOFT}" font-size="14">{escape(en)}</text>')


if __name__ == "__main__":
    main()
