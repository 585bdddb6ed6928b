from __future__ import annotations

import threading
import time

from maxsight_core.engine.mailbox import FairMailbox


def test_the_newest_item_of_a_session_wins_and_the_older_one_comes_back_to_be_answered():
    mailbox = FairMailbox()
    assert mailbox.put("a", 1) is None
    assert mailbox.put("a", 2) == 1
    assert mailbox.take(0.0) == ("a", 2)
    assert mailbox.take(0.0) is None


def test_sessions_are_served_in_turn_however_fast_one_of_them_sends():
    mailbox = FairMailbox()
    served = []
    mailbox.put("fast", 0)
    mailbox.put("slow", 0)
    mailbox.put("other", 0)
    for i in range(9):
        key, _ = mailbox.take(0.0)
        served.append(key)
        mailbox.put("fast", i)
        mailbox.put(key, i)
    assert served[:6] == ["fast", "slow", "other", "fast", "slow", "other"]
    assert all(served.count(key) == 3 for key in ("fast", "slow", "other"))


def test_a_waiting_consumer_wakes_when_something_arrives():
    mailbox, taken = FairMailbox(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take(5.0)))
    consumer.start()
    mailbox.put("a", "x")
    consumer.join(5.0)
    assert taken == [("a", "x")]


def test_closing_wakes_the_consumer_with_nothing():
    mailbox, taken = FairMailbox(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take(30.0)))
    consumer.start()
    mailbox.close()
    consumer.join(5.0)
    assert taken == [None]


def test_discard_and_drain_hand_back_what_waits():
    mailbox = FairMailbox()
    mailbox.put("a", 1)
    mailbox.put("b", 2)
    assert mailbox.discard("a") == 1
    seen = []
    mailbox.drain(lambda key, item: seen.append((key, item)))
    assert seen == [("b", 2)]
    assert len(mailbox) == 0


def test_several_keys_are_taken_at_once_in_turn_and_never_one_key_twice():
    mailbox = FairMailbox()
    for key in "abcde":
        mailbox.put(key, key.upper())
    mailbox.put("a", "A2")
    assert mailbox.take_some(3, 0.0, 0.0) == [("a", "A2"), ("b", "B"), ("c", "C")]
    assert mailbox.take_some(3, 0.0, 0.0) == [("d", "D"), ("e", "E")]
    assert mailbox.take_some(3, 0.0, 0.0) == []


def test_gathering_waits_for_the_others_no_longer_than_it_was_told():
    mailbox = FairMailbox()
    mailbox.put("a", 1)
    later = threading.Timer(0.05, mailbox.put, ("b", 2))
    later.start()
    assert mailbox.take_some(2, 10.0, 0.0) == [("a", 1), ("b", 2)]
    mailbox.put("a", 3)
    began = time.monotonic()
    assert mailbox.take_some(2, 0.05, 0.0) == [("a", 3)]
    assert time.monotonic() - began < 5.0
    assert time.monotonic() - began >= 0.05


def test_a_closed_mailbox_hands_back_what_is_put_so_that_it_is_answered():
    mailbox = FairMailbox()
    mailbox.put("a", 1)
    mailbox.close()
    item = object()
    assert mailbox.put("b", item) is item
    assert mailbox.take(0.0) == ("a", 1)
    assert mailbox.take(0.0) is None
