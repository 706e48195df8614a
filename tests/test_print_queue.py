"""What people do to print jobs, and what the spooler writes down: each in one short transaction, twice as harmless."""
from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import badges, print_list, print_queue, print_states
from models.database import database_path, now
from models.event import Printer
from models.people import Badge
from models.print_queue import NoSuchJob, NotPossible
from models.print_states import Withdrawn
from models.scans import PrintJob


@pytest.fixture
def do(write):
    """Runs a function of the queue in the writer's transaction."""
    return lambda work, *arguments, **more: write(lambda session: work(session, *arguments, **more))


@pytest.fixture
def jobs(runtime):
    """The jobs as they stand, by number."""
    def read():
        with runtime.reading() as session:
            return session.scalars(select(PrintJob).order_by(PrintJob.number)).all()
    return read


@pytest.fixture
def signed_in(desk, badge):
    """The answer to a sign-in: two jobs, a slip and a coupon."""
    return desk.scan(badge, "signin")


@pytest.fixture
def set_state(write):
    """Puts a job into a state, as if the spooler had."""
    def put(job_id, state):
        write(lambda session: session.execute(update(PrintJob).where(PrintJob.id == job_id).values(state=state)))
    return put


def test_a_reprint_is_a_marked_copy_of_the_same_content_and_code(do, jobs, signed_in, set_state):
    first = signed_in["print_jobs"][0]
    set_state(first, "printed")
    do(print_queue.reprint, first, "小王")
    old, _, new = jobs()
    assert (new.number, new.copy, new.code, new.state, new.actor) == (3, 2, old.code, "queued", "小王")
    assert new.content == {**old.content, "number": 3, "copy": 2}
    assert (new.scan_id, new.attendee_id, new.printer_key) == (old.scan_id, old.attendee_id, old.printer_key)


def test_a_double_click_on_reprint_makes_one_copy(runtime, do, jobs, signed_in, set_state):
    first = signed_in["print_jobs"][0]
    set_state(first, "printed")
    runtime.writer.start()
    with ThreadPoolExecutor(8) as pool:
        copies = set(pool.map(lambda _n: do(print_queue.reprint, first, "小王"), range(8)))
    runtime.writer.stop()
    assert len(copies) == 1 and len(jobs()) == 3
    set_state(copies.pop(), "printed")
    do(print_queue.reprint, first, "小王")
    assert jobs()[-1].copy == 3


def test_what_is_still_to_be_printed_is_its_own_reprint(do, jobs, signed_in):
    first = signed_in["print_jobs"][0]
    assert do(print_queue.reprint, first, "小王") == first and len(jobs()) == 2


def test_a_reprint_may_come_out_elsewhere(do, jobs, signed_in, set_state):
    do(lambda session: session.add(Printer(key="rear", url="virtual://")))
    set_state(signed_in["print_jobs"][0], "printed")
    do(print_queue.reprint, signed_in["print_jobs"][0], "小王", "rear")
    assert jobs()[-1].printer_key == "rear"


def test_an_unanswered_slip_is_answered_before_it_is_printed_again(do, signed_in, set_state):
    set_state(signed_in["print_jobs"][0], "unknown")
    with pytest.raises(NotPossible) as refused:
        do(print_queue.reprint, signed_in["print_jobs"][0], "小王")
    assert refused.value.word == "unanswered" and "出来了吗" in str(refused.value)


def test_the_slip_of_an_undone_scan_is_not_printed_again_nor_released(do, desk, signed_in, set_state):
    slip, coupon = signed_in["print_jobs"]
    do(print_queue.hold, slip, "小王")
    set_state(coupon, "printed")
    desk.void(signed_in["id"])
    for work in (lambda: do(print_queue.release, slip, "小王"), lambda: do(print_queue.reprint, coupon, "小王")):
        with pytest.raises(NotPossible, match="已撤销"):
            work()


def test_a_yes_is_printed_and_a_no_is_one_copy_however_often_it_is_said(do, jobs, signed_in, set_state):
    first, second = signed_in["print_jobs"]
    set_state(first, "unknown")
    set_state(second, "unknown")
    assert do(print_queue.answer_unknown, first, True, "小王") == first
    assert do(print_queue.answer_unknown, first, True, "小王") == first
    copy = do(print_queue.answer_unknown, second, False, "小王")
    assert do(print_queue.answer_unknown, second, False, "小王") == copy
    assert [(job.state, job.reason, job.copy) for job in jobs()] == [
        ("printed", "came_out", 1), ("cancelled", "not_out", 1), ("queued", "", 2)]
    for job_id, said in ((first, False), (second, True), (copy, True)):
        with pytest.raises(NotPossible, match="处理过"):
            do(print_queue.answer_unknown, job_id, said, "小王")


def test_a_job_is_held_released_moved_and_cancelled_while_it_waits(do, jobs, signed_in):
    do(lambda session: session.add(Printer(key="rear", url="virtual://")))
    first = signed_in["print_jobs"][0]
    for work, state in ((print_queue.hold, "held"), (print_queue.release, "queued"), (print_queue.cancel, "cancelled")):
        do(work, first, "小王")
        do(work, first, "小王")
        assert (jobs()[0].state, jobs()[0].actor) == (state, "小王")
    second = signed_in["print_jobs"][1]
    do(print_queue.move, second, "rear", "小王")
    assert jobs()[1].printer_key == "rear"
    with pytest.raises(NotPossible, match="没有这台打印机"):
        do(print_queue.move, second, "nowhere", "小王")


@pytest.mark.parametrize(("state", "word"), [("sending", "moving"), ("unknown", "unanswered"), ("printed", "settled")])
def test_what_has_left_is_not_held_cancelled_or_moved(do, signed_in, set_state, state, word):
    first = signed_in["print_jobs"][0]
    set_state(first, state)
    for work in (print_queue.hold, print_queue.release, print_queue.cancel):
        with pytest.raises(NotPossible) as refused:
            do(work, first, "小王")
        assert refused.value.word == word


def test_there_is_no_job_of_another_id(do):
    for work in (print_queue.reprint, print_queue.hold):
        with pytest.raises(NoSuchJob):
            do(work, "x", "小王")


def test_a_second_test_slip_waits_for_the_first(do, jobs):
    assert do(print_queue.test_slip, "front", "陈总") == do(print_queue.test_slip, "front", "陈总")
    assert [(job.kind, job.content["kind"], job.code[0]) for job in jobs()] == [("test", "test", "S")]
    with pytest.raises(NotPossible):
        do(print_queue.test_slip, "nowhere", "陈总")


def test_a_badge_is_queued_once_and_not_printed_again_when_it_was_replaced(do, jobs, create_attendee, set_state):
    attendee, code = create_attendee()
    content = {"event": "测试会议", "title": "代表证", "name": "张三"}
    ids = {do(print_queue.queue_badge, attendee, code, "desk-1", "front", content, "小王") for _ in range(2)}
    job = jobs()[0]
    assert ids == {job.id} and job.content["kind"] == "badge" and job.content["code"] == code
    with_badge = do(lambda session: session.scalar(select(Badge.id).where(Badge.code == code)))
    assert job.origin == f"badge:{with_badge}" and job.code is None
    set_state(job.id, "printed")
    do(badges.reissue, attendee)
    with pytest.raises(NotPossible, match="作废"):
        do(print_queue.reprint, job.id, "小王")


def test_sending_is_taken_once_and_only_by_the_jobs_own_printer(do, jobs, signed_in):
    with pytest.raises(Withdrawn):
        do(print_states.mark_sending, 1, "rear", 1, b"", "", now())
    do(print_states.mark_sending, 1, "front", 1, b"z", "h", now())
    with pytest.raises(Withdrawn):
        do(print_states.mark_sending, 1, "front", 2, b"", "", now())
    job = jobs()[0]
    assert (job.state, job.process_id, job.attempts, job.sent_to, job.blob) == ("sending", "0001", 1, "front", b"z")
    assert not do(print_states.finish, 1, "0002", "printed", "", now()), "another attempt's outcome says nothing"
    assert do(print_states.finish, 1, "0001", "printed", "", now())
    assert not do(print_states.finish, 1, "0001", "unknown", "", now())


def test_what_was_being_sent_at_the_end_is_unknown_at_the_start(do, jobs, signed_in):
    do(print_states.mark_sending, 1, "front", 1, b"", "", now())
    assert do(print_states.lose) == [1]
    assert [job.state for job in jobs()] == ["unknown", "queued"]


def test_what_waited_in_a_backup_is_a_question_after_the_restore_and_new_slips_go_on(
        do, runtime, data, desk, create_attendee, jobs, signed_in, set_state):
    held = desk.scan(create_attendee(category="press")[1], "signin")["print_jobs"][0]
    do(print_queue.hold, held, "小王")
    done = desk.scan(create_attendee(category="press")[1], "signin")["print_jobs"][0]
    set_state(done, "printed")
    with closing(sqlite3.connect(database_path(data))) as there, there:
        assert print_queue.hold_after_restore(there) == 3
    assert [job.state for job in jobs()] == ["unknown", "unknown", "unknown", "printed"]
    assert "备份" in jobs()[0].reason and [job.attempts for job in jobs()[:3]] == [0, 0, 0]
    slip, coupon = signed_in["print_jobs"]
    new = desk.scan(create_attendee(category="press")[1], "signin")["print_jobs"][0]
    with runtime.connection() as connection:
        found = print_states.look(connection, "front")
    assert (found.unknown, found.job.id) == (None, new), "the printer holds none of their bytes: nobody waits for them"
    assert do(print_queue.answer_unknown, slip, True, "小王") == slip
    copy = do(print_queue.answer_unknown, coupon, False, "小王")
    assert [(job.id, job.copy) for job in jobs() if job.state == "queued"] == [(new, 1), (copy, 2)]


def test_a_worker_sees_its_question_before_its_queue(do, runtime, signed_in):
    def look(key="front"):
        with runtime.connection() as connection:
            return print_states.look(connection, key)
    assert (look().unknown, look().job.number) == (None, 1)
    do(print_states.mark_sending, 1, "front", 1, b"", "", now())
    assert look().job.number == 2
    do(print_states.lose)
    assert (look().unknown, look().job) == (1, None)
    assert look("nowhere") is None


def test_a_backup_in_trouble_takes_nothing(do, jobs, signed_in):
    do(lambda session: session.add(Printer(key="rear", url="virtual://", checked_at=now(), state="blocked")))
    assert do(print_states.take_over, "front", "rear") == 0
    do(print_states.say, "rear", state="idle")
    assert do(print_states.take_over, "front", "rear") == 2
    assert {job.printer_key for job in jobs()} == {"rear"}


def test_process_ids_are_four_characters_and_differ():
    ids = [print_states.process_id(turn) for turn in (0, 1, 35, 36, 36 ** 4 - 1)]
    assert ids == ["0000", "0001", "000Z", "0010", "ZZZZ"]


def test_a_wait_beyond_the_longest_means_that_the_clock_was_put_back():
    assert print_states.too_far(now() + timedelta(hours=1), now(), 30)
    assert not print_states.too_far(now() + timedelta(seconds=29), now(), 30)


def test_the_lists_show_questions_first_and_find_a_slip_by_its_number(runtime, signed_in, set_state):
    set_state(signed_in["print_jobs"][1], "unknown")
    with runtime.reading() as session:
        assert [(row.number, row.state, row.name) for row in print_list.open_jobs(session)] == [
            (2, "unknown", "张三"), (1, "queued", "张三")]
        assert print_list.done_jobs(session) == []
        assert [row.title for row in print_list.numbered(session, 2)] == ["午餐"]
        assert print_list.numbered(session, 99) == []
