"""`handos predict --view foxglove`: a client is waited for, and sent every frame."""

import signal
import socket
import threading
import time

import pytest

pytest.importorskip("onnx")
from viewed import FoxgloveClient

from handos_model import load_template
from handos_model.cli import main
from handos_model.view.foxglove_view import FoxgloveView

pytest.importorskip("foxglove")
SHOWN = ("/image", "/calibration", "/annotations", "/hands")


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def test_foxglove_is_waited_for_and_sent_every_frame(weights, video, capsys, monkeypatch):
    port, found, closed = free_port(), {}, FoxgloveView.close

    def close_in_time(view, complete=True):
        """The server is not to end before a slow machine has sent the last frame, whose hands come last."""
        deadline = time.monotonic() + 180
        while len(found.get("/hands", ())) < 6 and time.monotonic() < deadline:
            time.sleep(0.02)
        closed(view, complete)

    monkeypatch.setattr("handos_model.view.foxglove_view.PORT", port)
    monkeypatch.setattr(FoxgloveView, "close", close_in_time)
    client = threading.Thread(target=lambda: FoxgloveClient(port).listen(found))
    client.start()
    assert main(["predict", str(video), "--view", "foxglove", "--weights", weights]) == 0
    client.join(30)
    assert {topic: len(times) for topic, times in found.items() if topic != "/tf"} == dict.fromkeys(SHOWN, 6)
    output = capsys.readouterr()
    assert f"ws://localhost:{port}" in output.err
    assert output.out == ""


def test_waiting_ends_with_a_signal(weights, video, monkeypatch, capsys):
    waited = FoxgloveView.wait

    def interrupted(view, stopped):
        signal.raise_signal(signal.SIGINT)
        waited(view, stopped)

    monkeypatch.setattr(FoxgloveView, "wait", interrupted)
    assert main(["predict", str(video), "--view", "foxglove", "--weights", weights]) == 130
    assert "0 frames" in capsys.readouterr().err


def test_a_port_that_is_taken_is_no_problem(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr("handos_model.view.foxglove_view.PORT", other.getsockname()[1])
        view = FoxgloveView(None, load_template().faces)
        assert view.port not in (0, other.getsockname()[1])
        view.close()
