"""Measures an .xls before it is opened: calamine follows its chains and lengths without a limit.

A ring in the sector table, or a length or a cell far away, makes it ask for memory until the process is killed;
flipped bytes are enough. Structure: [MS-CFB] 2.2-2.6 and [MS-XLS] 2.4. Every breach is a broken file.
"""
from __future__ import annotations

import struct
from collections.abc import Iterator

_NO_SECTOR = 0xFFFFFFFA                  # from here on: special values, end of chain among them
_BOUNDSHEET, _SST, _EOF, _DIMENSIONS, _FILEPASS, _MULRK = 0x85, 0xFC, 0x0A, 0x200, 0x2F, 0xBD
_CELLS = frozenset((0x06, 0x206, 0x406, _MULRK, 0xD6, 0xFD, 0x203, 0x204, 0x205, 0x27E))
_ROWS, _COLUMNS = 65_536, 256


class Broken(ValueError):
    """The file contradicts itself."""


class Locked(ValueError):
    """The workbook's stream is encrypted."""


def measure(data: bytes, most: int) -> tuple[int, int]:
    """The number of columns up to the last cell of any sheet, and of sheets (0 and their number beyond `most`).

    Raises Broken and Locked.
    """
    try:
        stream = _Compound(data).workbook()
        sheets = []
        for kind, body in _records(stream, 0):
            if kind == _FILEPASS:
                raise Locked
            if kind == _BOUNDSHEET:
                sheets.append(struct.unpack_from("<I", body)[0])
            if kind == _SST and struct.unpack_from("<I", body, 4)[0] > len(data):
                raise Broken
        if len(sheets) > most:
            return 0, len(sheets)
        return max((_columns(stream, at) for at in sheets), default=0), len(sheets)
    except (struct.error, IndexError) as problem:
        raise Broken from problem


def _columns(stream: bytes, at: int) -> int:
    """One more than the last column that has a cell in the sheet that begins there."""
    last = -1
    for kind, body in _records(stream, at):
        if kind in _CELLS:
            column = int.from_bytes(body[2:4], "little")
            if kind == _MULRK:
                column = max(column, int.from_bytes(body[-2:], "little"))
            last = max(last, column)
        elif kind == _DIMENSIONS:
            top, rows, left, columns = struct.unpack_from("<HHHH" if len(body) == 10 else "<IIHH", body)
            if not (top <= rows <= _ROWS and left <= columns <= _COLUMNS):
                raise Broken
    if last >= _COLUMNS:
        raise Broken
    return last + 1


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4:at + 4 + size]
        if kind == _EOF:
            return
        at += 4 + size


class _Compound:
    """The compound file around the workbook's stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        shift, = struct.unpack_from("<H", data, 30)
        if shift not in (9, 12):
            raise Broken
        self._size = 1 << shift
        directory_length, = struct.unpack_from("<I", data, 40)
        directory, _, self._cutoff, mini, mini_length, further, further_length = struct.unpack_from("<7I", data, 48)
        if max(directory_length, mini_length, further_length) * self._size > len(data):
            raise Broken
        self._table = self._sectors(self._table_places(further))
        _refuse_rings(self._table)
        self._entries = self._chain(directory)
        self._mini = _numbers(self._chain(mini)) if mini < _NO_SECTOR else []
        _refuse_rings(self._mini)

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        if at >= len(self._data):
            raise Broken
        return self._data[at:at + self._size]

    def _sectors(self, places: list[int]) -> list[int]:
        return [number for place in places for number in _numbers(self._sector(place))]

    def _table_places(self, further: int) -> list[int]:
        """Where the sector table is: 109 places in the header, more in a chain of sectors of their own."""
        places = _numbers(self._data[76:512])
        seen = set()
        while further < _NO_SECTOR:
            if further in seen:
                raise Broken
            seen.add(further)
            *more, further = _numbers(self._sector(further))
            places += more
        return [place for place in places if place < _NO_SECTOR]

    def _chain(self, number: int) -> bytes:
        found = []
        while number < _NO_SECTOR:
            found.append(self._sector(number))
            number = self._table[number]
        return b"".join(found)

    def workbook(self) -> bytes:
        """The stream "Workbook" (or "Book", before Excel 97)."""
        root = b""
        wanted: tuple[int, int] | None = None
        for at in range(0, len(self._entries) - 127, 128):
            entry = self._entries[at:at + 128]
            name = entry[:max(struct.unpack_from("<H", entry, 64)[0] - 2, 0)].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<IQ" if self._size > 512 else "<II", entry, 116)
            if size > len(self._data):
                raise Broken
            if at == 0:
                root = self._chain(start)
            elif name.lower() in ("workbook", "book") and wanted is None:
                wanted = start, size
        if wanted is None:
            raise Broken
        start, size = wanted
        return (self._chain(start) if size >= self._cutoff else self._mini_chain(root, start))[:size]

    def _mini_chain(self, root: bytes, number: int) -> bytes:
        found = []
        while number < _NO_SECTOR:
            found.append(root[number * 64:number * 64 + 64])
            number = self._mini[number]
        return b"".join(found)


def _numbers(data: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(data) // 4}I", data[:len(data) // 4 * 4]))


def _refuse_rings(table: list[int]) -> None:
    """Each sector names the next of its chain; a chain that comes back to itself never ends."""
    met = [0] * len(table)                # by which walk
    for start in range(len(table)):
        number = start
        while number < len(table) and not met[number]:
            met[number] = start + 1
            number = table[number]
        if number < len(table) and met[number] == start + 1:
            raise Broken
