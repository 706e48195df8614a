"""Is it true? What we were promised, held against what the server has and says. Pure: data in, sentences out.

Our own book is the measure. From it we recompute who used what how often; the server's ledger, its counts, its exports
and its audit must all say the same, and the paper must be what the print queue says was printed.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
SAME = ("seq", "verdict", "reason")
COUNTED = ("people", "uses", "refused", "inside", "stock_left")
DONE, OPEN = ("printed", "parsed", "sent"), ("queued", "sending", "unknown", "held")
SHOWN = 5           # examples of one kind of problem


@dataclass
class Evidence:
    """Everything that the reckoning looks at. `sent` and `acks` are our book; `slips` are digests by printer."""

    sent: Sequence[Row]
    acks: Sequence[Row]
    rows: Sequence[Row]                         # export ledger
    counts: Mapping[str, Any]                   # GET /api/v1/counts
    exported: Sequence[Row]                     # export counts
    audit: Mapping[str, Any]
    slips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)         # uses per person, of the services that have one
    sessions: Sequence[str] = ()
    stock: Mapping[str, int] = field(default_factory=dict)
    barred: Collection[tuple[str, str]] = ()                        # (number, service) of those who may not


@dataclass
class Finding:
    """The outcome. `problems` are whole sentences; none of them: everything is true."""

    lost: int = 0
    doubled: int = 0
    acknowledged: int = 0
    recorded: int = 0
    slips: int = 0
    conflicts: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, zh: str, en: str, examples: Iterable[object]) -> int:
        """Notes a kind of problem, if there are examples of it; how many there are."""
        found = list(examples)
        if found:
            shown = ", ".join(map(str, found[:SHOWN])) + (" …" if len(found) > SHOWN else "")
            self.problems.append(f"{zh} {en}: {len(found)} ({shown})")
        return len(found)


def reckon(seen: Evidence) -> Finding:
    """Compares all of it."""
    found = Finding()
    promised = _promises(seen, found)
    _recorded(seen, promised, found)
    _single_use(seen, promised, found)
    _totals(seen, found)
    _paper(seen, found)
    found.add("核对发现不符", "audit found differences", seen.audit.get("differences", ()))
    if "scans" not in seen.audit or seen.audit["scans"] != len(seen.rows):
        found.add("核对的条数不同", "audit counted other rows", [seen.audit.get("scans", seen.audit)])
    return found


def _promises(seen: Evidence, found: Finding) -> dict[str, Row]:
    """The first acknowledgement of each id. The same id must have been answered alike every time."""
    promised: dict[str, Row] = {}
    differing = []
    for ack in seen.acks:
        if ack.get("status", 200) != 200 or ack.get("seq") is None:
            continue
        first = promised.setdefault(ack["id"], ack)
        if any(first[name] != ack[name] for name in SAME):
            differing.append(ack["id"])
    found.acknowledged = len(promised)
    found.doubled += found.add("同一次扫码得到不同的回答", "one scan, two answers", differing)
    refused = [f"{ack['id']} {ack.get('status')} {ack.get('error')}" for ack in seen.acks
               if ack.get("status", 200) != 200 or ack.get("seq") is None]
    found.add("服务器不接受的请求", "requests that the server would not judge", refused)
    unanswered = {entry["id"] for entry in seen.sent} - promised.keys() - {ack["id"] for ack in seen.acks}
    found.add("一直没有回答", "never answered", sorted(unanswered))
    return promised


def _recorded(seen: Evidence, promised: Mapping[str, Row], found: Finding) -> None:
    """Each promise is one row that says the same; no row is of something that nobody sent."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in seen.rows:
        rows[row["id"]].append(row)
    found.recorded = len(seen.rows)
    found.lost += found.add("已确认但没有记录", "acknowledged, not recorded", [key for key in promised if key not in rows])
    found.doubled += found.add("记录了两次", "recorded twice", [key for key, same in rows.items() if len(same) > 1])
    found.lost += found.add("记录与当时的回答不同", "recorded otherwise than answered", [
        key for key, ack in promised.items() if key in rows and any(rows[key][0][name] != ack[name] for name in SAME)])
    known = {entry["id"]: entry for entry in seen.sent}
    found.add("没有人发过的记录", "rows that nobody sent", [key for key in rows if key not in known])
    found.add("记到了别人或别处", "recorded for another person, service or station", [
        key for key, same in rows.items() if key in known and not _alike(known[key], same[0])])
    found.conflicts = sum(bool(row["conflict"]) for row in seen.rows)
    heads = [row["seq"] for row in seen.rows]
    if heads and max(heads) != seen.counts["head"]:
        found.add("最后一条的序号不同", "the head is another", [seen.counts["head"]])


def _alike(entry: Row, row: Row) -> bool:
    """Whether a row is what was sent. A coupon's number is not ours to know."""
    if entry["station"] != row["station"]:
        return False
    if entry["what"] == "undo":
        return bool(entry["of"] == row["voids"]) or row["verdict"] == "refused"
    return entry["service"] == row["service"] and (not entry["number"] or entry["number"] == row["number"])


def _single_use(seen: Evidence, promised: Mapping[str, Row], found: Finding) -> None:
    """No limit was passed at any moment: once by our own book, by what was shown, and once by the rows, by person."""
    sent = {entry["id"]: entry for entry in seen.sent}
    ours = [{**sent[key], **ack, "voids": sent[key].get("of")} for key, ack in promised.items() if key in sent]
    found.doubled += found.add("超过次数（按我们自己的账）", "used too often, by our own book",
                               _too_often(ours, "code", seen.limits))
    found.doubled += found.add("超过次数（按记录）", "used too often, by the ledger", _too_often(seen.rows, "number", seen.limits))
    found.add("没有用过却说用过", "refused as used up, though nothing was used", _too_often(seen.rows, "number", seen.limits, refused=True))
    found.add("没有资格却通过", "accepted without a right to it", [
        f"{row['service']} {row['id']}" for row in seen.rows
        if row["verdict"] == "accepted" and not row["voids"] and (row["number"], row["service"]) in seen.barred])


def _too_often(rows: Iterable[Row], holder: str, limits: Mapping[str, int], refused: bool = False) -> list[str]:
    """Whoever had more uses standing than allowed, in the ledger's order; or, `refused`, was sent away as used up with
    less. What a tablet let through by itself and the server listed as a conflict is known to be one too many: it
    stands, and is no double of the server's making."""
    standing: Counter[tuple[Any, Any]] = Counter()
    uses: dict[str, tuple[Any, Any]] = {}
    over = []
    for row in sorted(rows, key=lambda row: row["seq"]):
        key = (row.get("service"), row.get(holder))
        if row["verdict"] != "accepted":
            if refused and row["reason"] == "used_up" and standing[key] < limits.get(row["service"], 0):
                over.append(f"{row['service']} {row['id']}")
            continue
        if row.get("voids"):
            if row["voids"] in uses:
                standing[uses.pop(row["voids"])] -= 1
        elif row["service"] in limits and row.get(holder) and not row["forced"]:
            uses[row["id"]] = key
            standing[key] += 1
            if not refused and standing[key] > limits[row["service"]] and not row["conflict"]:
                over.append(f"{row['service']} {row['id']}")
    return over


def totals(rows: Sequence[Row], sessions: Sequence[str], stock: Mapping[str, int]) -> dict[str, dict[str, int | None]]:
    """What the ledger's rows add up to, service by service, in the words of the dashboard."""
    undone = {row["voids"] for row in rows if row["voids"] and row["verdict"] == "accepted"}
    made: dict[str, Any] = defaultdict(lambda: {"people": set(), "uses": 0, "refused": 0, "moves": {}, "given": 0})
    for row in rows:
        here = made[row["service"]]
        if row["verdict"] == "refused":
            here["refused"] += not row["voids"]
        elif not row["voids"] and row["id"] not in undone:
            if row["direction"] != "out":
                here["uses"] += 1
                here["people"].add(row["number"])
                here["given"] += row["quantity"]
            if row["direction"]:
                moment = (row["scanned_at"], row["seq"], row["direction"])
                here["moves"][row["number"]] = max(here["moves"].get(row["number"], moment), moment)
    return {key: {"people": len(here["people"]), "uses": here["uses"], "refused": here["refused"],
                  "inside": sum(move[2] == "in" for move in here["moves"].values()) if key in sessions else None,
                  "stock_left": stock[key] - here["given"] if key in stock else None} for key, here in made.items()}


def _totals(seen: Evidence, found: Finding) -> None:
    """Dashboard = ledger = export, number by number."""
    ours = totals(seen.rows, seen.sessions, seen.stock)
    exported = {row["key"]: row for row in seen.exported if row["what"] == "service"}
    wrong = []
    for key, shown in seen.counts["services"].items():
        empty = {"people": 0, "uses": 0, "refused": 0, "inside": 0 if key in seen.sessions else None,
                 "stock_left": seen.stock.get(key)}
        for name in COUNTED:
            three = [ours.get(key, empty)[name], shown[name], exported.get(key, {}).get(name)]
            if three[0] != three[1] or three[1] != three[2]:
                wrong.append(f"{key}.{name} ledger {three[0]}, dashboard {three[1]}, export {three[2]}")
    found.add("数字不一致", "numbers differ", wrong)
    found.add("库存成了负数", "stock below nothing", [
        key for key, shown in seen.counts["services"].items() if (shown["stock_left"] or 0) < 0])


def _paper(seen: Evidence, found: Finding) -> None:
    """Slips out = jobs called printed, printer by printer; every one is another slip; nothing is left open."""
    printers = seen.counts["printers"]
    wrong, left = [], []
    for key, printer in printers.items():
        out, said = len(seen.slips.get(key, ())), sum(printer[state] for state in DONE)
        if out != said:
            wrong.append(f"{key}: {out} out, {said} called printed")
        left += [f"{key}: {printer[state]} {state}" for state in OPEN if printer[state]]
    digests = [digest for slips in seen.slips.values() for digest in slips]
    found.slips = len(digests)
    found.add("出来的小票和打印记录不同", "slips out are not the jobs printed", wrong)
    found.doubled += found.add("同一张小票出来两次", "one slip came out twice",
                               [digest for digest, times in Counter(digests).items() if times > 1])
    found.add("没有打完", "left unfinished", left)
    jobs = {job for ack in seen.acks for job in ack.get("print_jobs") or ()}
    undone = {entry["of"] for entry in seen.sent if entry["what"] == "undo"}
    expected = {job for ack in seen.acks if ack["id"] not in undone for job in ack.get("print_jobs") or ()}
    if printers and not len(expected) <= len(digests) <= len(jobs):
        found.add("小票的张数不对", "slips out are not the slips promised", [f"{len(digests)}: {len(expected)} … {len(jobs)}"])
