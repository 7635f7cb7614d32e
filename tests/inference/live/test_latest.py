"""The one-place queue: newest wins, losses are counted, closing wakes."""

import threading

from perfkit.inference.live.latest import Latest


def test_a_newer_item_takes_the_place_of_one_that_waits() -> None:
    latest: Latest[int] = Latest()
    for item in range(5):
        latest.put(item)
    assert latest.take(0) == 4
    assert latest.take(0) is None
    assert latest.num_dropped == 4


def test_items_come_in_order_and_every_one_is_taken_or_counted() -> None:
    latest: Latest[int] = Latest()
    taken: list[int] = []

    def consume() -> None:
        while not latest.is_closed or taken[-1:] != [9999]:
            if (item := latest.take(0.05)) is not None:
                taken.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    for item in range(10000):
        latest.put(item)
    latest.close()
    consumer.join(10)
    assert taken == sorted(taken)
    assert len(taken) + latest.num_dropped == 10000


def test_closing_wakes_the_consumer() -> None:
    latest: Latest[int] = Latest()
    consumer = threading.Thread(target=latest.take)
    consumer.start()
    latest.close()
    consumer.join(2)
    assert not consumer.is_alive()
