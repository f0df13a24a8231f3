"""Signals are waited for, counted, and given back at the end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from serving.gateways.standalone.stop_signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_of_them_ends_the_waiting(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignals() as signals:
        assert not signals.wait(0.0)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        begin = time.monotonic()
        assert signals.wait(30.0)
        assert time.monotonic() - begin < 20
        timer.join()
        assert signals.wait(30.0)  # has come: no waiting
        os.kill(os.getpid(), number)
        signals.pause(30.0)
        assert signals.count == 2
    assert signal.getsignal(number) is before
