"""The bench measures what it says it does: its past is a true ledger, its references record once, its rows are whole."""
from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from app import create_app
from bench import chart, film, meeting, past, plan, report, table, venue
from bench.figures import Goal, Options, compared, measured, missing, worst
from bench.listen import streams
from bench.load import request, run
from bench.paper import printer
from bench.parts import nodes, outbox, paper, scans
from bench.processes import IS_LINUX, memory_mb, processor_seconds
from bench.tablets import SERVICES
from models.audit import audit
from models.scans import Scan

PEOPLE = 40
TINY = Options(rounds=1, seconds=0.2, people=PEOPLE, streams=3)


@pytest.fixture(scope="module")
def served():
    """A small event on the real server, with a printer that waits for its slips."""
    port = venue.free_port()
    with meeting.event(PEOPLE, PEOPLE * 10, printer=f"tcp://127.0.0.1:{port}") as place, venue.huiwu(place.folder) as server:
        yield place, server, port


def test_a_built_past_passes_the_audit_and_so_does_what_is_scanned_on_top():
    with meeting.event(PEOPLE, PEOPLE * len(past.STEPS)) as place:
        app = create_app({"DATA": place.folder})
        runtime = app.extensions["huiwu"]
        try:
            assert audit(runtime) == (PEOPLE * len(past.STEPS), [])
            assert outbox.statements(place, 30) < 60
            assert audit(runtime) == (PEOPLE * len(past.STEPS) + 30, [])
        finally:
            runtime.engine.dispose()


def test_a_past_of_part_of_a_step_is_refused():
    with pytest.raises(ValueError, match="whole steps"):
        next(past.rows(["B1", "B2"], 3, datetime.now(UTC)))


def test_a_built_event_is_built_once_and_anew_when_it_is_made_otherwise(tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr(meeting, "fill", lambda session, people: built.append(people) or plan.fill(session, people))
    with meeting.event(3, cache=tmp_path) as one, meeting.event(3, cache=tmp_path) as other:
        assert one.badges == other.badges and one.folder != other.folder
    assert built == [3]
    monkeypatch.setattr(meeting, "_MADE_OF", ("bench/tablets.py",))
    with meeting.event(3, cache=tmp_path):
        assert built == [3, 3]
    assert len(list(tmp_path.iterdir())) == 1


def test_scans_are_all_recorded_and_the_streams_beside_them_open(served):
    place, server, _ = served
    with streams(server.port, TINY.streams):
        done = venue.checked(run(server.port, 4, venue.scans(place.badges), 0.2))
    app = create_app({"DATA": place.folder})
    runtime = app.extensions["huiwu"]
    try:
        with runtime.reading() as session:
            assert session.query(Scan).count() >= PEOPLE * 10 + len(done.times)
    finally:
        runtime.engine.dispose()
    if IS_LINUX:
        assert processor_seconds(server.group) > 0
        assert 0 < memory_mb(server.group)[1] <= memory_mb(server.group)[0]


def test_outboxes_are_drained_to_their_last_scan(served):
    place, server, _ = served
    sizes = [5, 12, 1]
    sent = venue.batches(venue.uses(place.badges, seed=5), sizes, 5)
    assert [body.count(b'"service"') for body in sent] == [5, 5, 1, 5, 2]
    done = venue.checked(run(server.port, 3, iter(sent), 30))
    assert len(done.times) == len(sent)


def test_the_printer_beside_says_when_a_slip_began(served):
    place, server, port = served
    with printer(port) as slips:
        fresh = next(badge for badge in place.badges if paper._slip(server, badge, slips) > 0)
    assert fresh


def test_the_textbook_records_a_badge_once_whoever_scans_it_at_the_same_time():
    with meeting.event(PEOPLE) as place, venue.textbook(place.folder, place.badges) as server:
        same = [request("POST", "/api/v1/scans", _body(place.badges[0]), "bench-tablet-1") for _ in range(60)]
        venue.checked(run(server.port, 16, iter(same), 30))
        assert run(server.port, 1, iter([request("POST", "/api/v1/scans", _body(place.badges[0]), "somebody")]), 30).statuses == {401: 1}
        with sqlite3.connect(place.folder / "textbook.db") as connection:
            assert connection.execute("SELECT count(*) FROM scan").fetchone() == (1,)


def test_the_scans_part_gives_each_figure_beside_its_reference():
    made = scans.rows(TINY)
    with_goal = {row.name: str(row.goal) for row in made if row.goal}
    assert with_goal == {"扫码 scans, 16 clients": "ratio ≥ 0.34", "扫码 scans, 64 clients": "ratio ≥ 0.32",
                         "等待 wait p99, 16 clients": "≤ 12", "等待 wait max, 16 clients": "≤ 60"}
    assert all(row.value > 0 and row.reference > 0 and row.ratio > 0 for row in made)
    picture = ElementTree.fromstring(chart.draw(made))
    assert "教科书 textbook ORM" in "".join(picture.itertext())


ROWS = [compared("扫码 scans, 16 clients", [30, 50], "/s", [100, 100], "hello", Goal(0.34, at_least=True, of_ratio=True)),
        compared("教科书 textbook ORM, 16 clients", [5, 5], "/s", [100, 100], "hello"),
        worst("等待 wait max", [20, 80], "ms", Goal(60)), missing("慢盘 disk", "no C compiler", Goal(5)),
        measured("内存 memory", [150], "MB", Goal(150), note="one look")]


def test_two_nodes_on_one_postgresql_take_the_scans_that_one_takes():
    rows = nodes.rows(TINY)
    assert [row.beside for row in rows] == ["SQLite"] * 4 and all(row.value for row in rows)


def test_a_row_says_whether_its_goal_holds_of_the_ratio_or_of_the_value():
    assert [row.holds for row in ROWS] == [True, None, False, None, True]
    assert (ROWS[0].value, ROWS[0].ratio, ROWS[0].spread) == (40, 0.4, pytest.approx(0.1))
    assert replace(ROWS[0], ratio=0.33).holds is False
    assert [table.cells(row)[-1] for row in ROWS] == ["✓ yes", "", "✗ no", "", "✓ yes"]


def test_the_page_holds_the_last_run_between_its_markers_and_nothing_else_changes(tmp_path):
    page, picture = tmp_path / "speed.md", tmp_path / "speed.svg"
    page.write_text(f"before\n{report.BEGIN}\nan old table\n{report.END}\nafter\n")
    report.save(tmp_path / "run.json", ROWS, "two cores")
    rows, said = report.read(tmp_path / "run.json")
    assert (rows, said) == (ROWS, "two cores")
    report.write(rows, said, page, picture)
    written, drawn = page.read_text(), picture.read_text()
    assert written.startswith("before\n") and written.endswith("\nafter\n") and "an old table" not in written
    assert "| 等待 wait max | 80 ms |" in written and "not measured: no C compiler" in written
    report.write(rows, said, page, picture)
    assert (page.read_text(), picture.read_text()) == (written, drawn)


def test_a_page_without_markers_is_left_alone(tmp_path):
    page = tmp_path / "speed.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="no place"):
        report.write(ROWS, "", page, tmp_path / "speed.svg")


def test_the_pictures_of_the_film_are_numbered_in_their_corner(tmp_path):
    import io

    from PIL import Image

    film.write(tmp_path / "film.mjpeg", ["BAAAA"])
    pictures = [b"\xff\xd8\xff" + part for part in (tmp_path / "film.mjpeg").read_bytes().split(b"\xff\xd8\xff")[1:]]
    assert len(pictures) == film.EACH
    image = Image.open(io.BytesIO(pictures[13])).convert("L")
    squares = [image.getpixel((bit * film.SQUARE + film.SQUARE // 2, film.SQUARE // 2)) for bit in range(film.BITS)]
    assert sum(1 << bit for bit, light in enumerate(squares) if light > 127) == 13


def _body(badge):
    import json

    return json.dumps(venue.one_scan(badge, SERVICES[0])).encode()
