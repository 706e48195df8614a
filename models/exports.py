"""Exports: counts, ledger and roster as tables, to csv, xlsx or json. Read only; rows stream, so a million fit.

The roster is complete and comes back in through the import; ledger rows carry the words of a scan and its answer.
No cell of a spreadsheet can run as a formula: in xlsx every text is a text cell, in csv a cell that would start one
gets a leading apostrophe (OWASP, CSV Injection), which the import takes off again.
"""
from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from models.event import Category
from models.files import replacing
from models.harmless import harmless, unmistaken
from models.people import Attendee, Delegation, visible
from models.reports import counts as report_counts
from models.runtime import Runtime
from models.scans import Scan

KINDS = ("counts", "ledger", "roster")
ENDINGS = (".csv", ".xlsx", ".json")
ROSTER = ("number", "name", "name_en", "organisation", "post", "delegation", "category", "phone", "email", "id_number",
          "sex", "nation", "diet", "hint", "seat", "table", "room", "vip", "arrival", "state", "remarks")
LEDGER = ("seq", "id", "service", "station", "verdict", "reason", "voids", "number", "name", "direction", "quantity",
          "scanned_at", "uploaded_at", "actor", "forced", "overrode", "conflict", "offline", "use_no", "note",
          "answers", "raw_code")
COUNTS = ("what", "key", "name", "kind", "entitled", "expected", "people", "uses", "refused", "inside", "stock_left")
XLSX_ROWS = 1_048_576
CHUNK = 2000
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")   # XML 1.0 has no way to write them
Row = dict[str, Any]
Progress = Callable[[int], None]


class TooManyRows(Exception):
    """More rows than a sheet of xlsx can hold."""


def export(runtime: Runtime, kind: str, target: Path, progress: Progress | None = None) -> int:
    """Writes counts, ledger or roster to a file whose ending says the form; how many rows. TooManyRows, OSError."""
    columns, read = {"counts": (COUNTS, _counts), "ledger": (LEDGER, _ledger), "roster": (ROSTER, _roster)}[kind]
    write = {".csv": _to_csv, ".xlsx": _to_xlsx, ".json": _to_json}[target.suffix.lower()]
    with runtime.connection() as connection, replacing(target) as beside:
        if target.suffix.lower() == ".xlsx" and size(connection, kind) >= XLSX_ROWS:
            raise TooManyRows
        return write(beside, columns, _told(read(runtime, connection), progress))


def size(connection: Connection, kind: str) -> int:
    """About how many rows there will be, for a progress bar."""
    table = {"ledger": Scan, "roster": Attendee}.get(kind)
    return connection.execute(select(func.count()).select_from(table)).scalar_one() if table else 0


def _told(rows: Iterable[Row], progress: Progress | None) -> Iterator[Row]:
    for done, row in enumerate(rows, 1):
        yield row
        if progress and done % CHUNK == 0:
            progress(CHUNK)


# --- what the rows are ---

def _roster(runtime: Runtime, connection: Connection) -> Iterator[Row]:
    plan = runtime.ledger.memory.current(connection)
    names = [category.name for category in plan.categories.values()]
    words = {key: category.name if names.count(category.name) == 1 else key
             for key, category in plan.categories.items()}
    table: Any = Attendee.__table__
    query = (select(table, Delegation.name.label("delegation"))
             .outerjoin_from(table, Delegation, Delegation.id == table.c.delegation_id)
             .join(Category, Category.key == table.c.category_key)
             .where(visible())
             .order_by(Category.position, Category.key, func.length(table.c.number), table.c.number))
    for row in connection.execution_options(yield_per=CHUNK).execute(query):
        values = {**row._mapping, "table": row.table_no, "category": words[row.category_key],
                  "vip": "是" if row.vip else "否"}
        yield {name: "" if values[name] is None else values[name] for name in ROSTER}


def _ledger(runtime: Runtime, connection: Connection) -> Iterator[Row]:
    zone = runtime.ledger.memory.current(connection).event.zone
    scan: Any = Scan.__table__
    other = scan.alias()
    query = (select(scan, other.c.id.label("voids_id"), Attendee.number, Attendee.name)
             .outerjoin_from(scan, other, other.c.seq == scan.c.voids)
             .outerjoin(Attendee, Attendee.id == scan.c.attendee_id).order_by(scan.c.seq))
    for row in connection.execution_options(yield_per=CHUNK).execute(query):
        values = {**row._mapping, "service": row.service_key, "station": row.station_key, "voids": row.voids_id,
                  "scanned_at": row.scanned_at.astimezone(zone).isoformat(timespec="milliseconds"),
                  "uploaded_at": row.uploaded_at.astimezone(zone).isoformat(timespec="milliseconds")}
        yield {name: values[name] for name in LEDGER}


def _counts(runtime: Runtime, connection: Connection) -> Iterator[Row]:
    found, plan = report_counts(runtime, connection), runtime.ledger.memory.current(connection)
    for key, service in found["services"].items():
        yield _count("service", key, service)
    for key, category in found["categories"].items():
        yield _count("category", key, {"name": plan.categories[key].name, **category})
    for name, delegation in found["delegations"].items():
        yield _count("delegation", name, {"name": name, **delegation})


def _count(what: str, key: str, values: Row) -> Row:
    return {**dict.fromkeys(COUNTS), **{name: values[name] for name in COUNTS if name in values},
            "what": what, "key": key}


# --- how they are written ---

def _to_csv(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as out:      # with BOM, so that Excel reads it as UTF-8
        sheet = csv.writer(out)
        sheet.writerow(columns)
        for count, row in enumerate(rows, 1):                          # noqa: B007  the last number is the answer
            sheet.writerow([harmless(_cell(row[name])) for name in columns])
    return count


def _to_xlsx(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("huiwu")
    sheet.freeze_panes = "A2"
    sheet.append(columns)
    count = 0
    for count, row in enumerate(rows, 1):                              # noqa: B007  the last number is the answer
        sheet.append([_text_cell(sheet, _cell(row[name])) for name in columns])
    book.save(file)
    return count


def _text_cell(sheet: Any, value: Any) -> Any:
    """A value for a sheet: of a text only what XML can write, and no text that openpyxl takes for more than a text."""
    if not isinstance(value, str):
        return value
    value = unmistaken(_UNPRINTABLE.sub("", value))
    if not value.startswith(("=", "#")):       # a formula, an error value: openpyxl looks at nothing else
        return value
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"
    return cell


def _to_json(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as out:
        out.write("[")
        for count, row in enumerate(rows, 1):
            out.write((",\n" if count > 1 else "\n") + json.dumps(row, ensure_ascii=False))
        out.write("\n]\n")
    return count


def _cell(value: Any) -> Any:
    """A value as a spreadsheet shows it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value
