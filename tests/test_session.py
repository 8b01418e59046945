"""Sessions: events are passed on and kept, Ctrl-C becomes a wish to stop."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from likewise.session import Derived, Event, Finished, Logged, Note, Progress, Session, as_json


def test_events_are_passed_on_and_what_lasts_is_kept() -> None:
    seen: list[Event] = []
    session = Session(seen.append)
    told = [Note("n"), Derived("level", "avx2", "fastest"), Logged({"epoch": 1}), Progress("read", 1, 2, "bytes")]
    for event in told:
        session.tell(event)
    assert seen == told
    assert session.notes == ["n"]
    assert session.derived == {"level": {"value": "avx2", "reason": "fastest"}}
    assert session.log == [{"epoch": 1}]


def test_a_stage_is_timed() -> None:
    seen: list[Event] = []
    session = Session(seen.append)
    with session.stage("read") as facts:
        facts["words"] = 3
    (event,) = seen
    assert isinstance(event, Finished)
    assert event.facts == {"words": 3}
    assert session.seconds["read"] >= 0
    assert as_json(event)["event"] == "finished"


def test_the_first_interrupt_asks_to_stop_and_the_second_insists() -> None:
    session, before = Session(), signal.getsignal(signal.SIGINT)
    with session.interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        assert session.stopped
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_installed() -> None:
    session = Session()
    done = threading.Event()

    def work() -> None:
        with session.interruptible():
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done.is_set()
    assert not session.stopped
