"""The slot: readers see one whole engine or another, never a mixture."""

from __future__ import annotations

import threading

from serving.model.slot import EngineSlot, LiveEngine
from tests.support.fakes import ARMS, LengthDecider


def live(name: str) -> LiveEngine:
    return LiveEngine(LengthDecider(name), ARMS, name, "default")


def test_swap_gives_what_served_before() -> None:
    first, second = live("a"), live("b")
    slot = EngineSlot(first)
    assert slot.swap(second) is first
    assert slot.live is second


def test_what_a_reader_took_stays_whole() -> None:
    slot = EngineSlot(live("a"))
    taken = slot.live
    slot.swap(live("b"))
    assert (taken.bundle_id, slot.live.bundle_id) == ("a", "b")


def test_readers_never_see_parts_of_two() -> None:
    engines = [live(str(number)) for number in range(8)]
    slot = EngineSlot(engines[0])
    stop = threading.Event()
    torn: list[str] = []
    seen = set()

    def read() -> None:
        while not stop.is_set():
            now = slot.live
            assert isinstance(now.decider, LengthDecider)
            seen.add(now.bundle_id)
            if now.decider.bundle_id != now.bundle_id:
                torn.append(now.bundle_id)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        slot.swap(engines[number % 8])
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []
    assert seen
