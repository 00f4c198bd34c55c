"""The mailbox between the executor and the worker."""

from __future__ import annotations

import threading

from handos_ros.input.newest import Newest


def test_the_newest_item_replaces_one_that_was_not_taken() -> None:
    mailbox: Newest[str] = Newest()
    assert mailbox.put("first") is False
    assert mailbox.put("second") is True
    assert mailbox.take() == "second"
    assert mailbox.put("third") is False


def test_take_waits_for_an_item() -> None:
    mailbox: Newest[int] = Newest()
    taken: list[int | None] = []
    taker = threading.Thread(target=lambda: taken.append(mailbox.take()))
    taker.start()
    mailbox.put(7)
    taker.join(5)
    assert taken == [7]


def test_closing_ends_every_wait_and_drops_what_is_left() -> None:
    mailbox: Newest[int] = Newest()
    taken: list[int | None] = []
    takers = [threading.Thread(target=lambda: taken.append(mailbox.take())) for _ in range(2)]
    for taker in takers:
        taker.start()
    mailbox.close()
    for taker in takers:
        taker.join(5)
    assert taken == [None, None]
    mailbox.put(1)
    assert mailbox.take() is None
