"""The files of docs/accuracy.md, brought from a small repository on this machine, and from a small server."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from handos_model.cli import main
from handos_model.data.annotated import Annotated
from handos_model.data.evaluation_set import repository_files
from handos_model.data.evaluation_set.fetch import fetch
from handos_model.data.evaluation_set.joint_records import joint_records
from handos_model.data.evaluation_set.kept_photo import kept_photo
from handos_model.data.evaluation_set.manifest import EvaluationFile, Repository, evaluation_files, repositories
from handos_model.data.evaluation_set.repository_files import read_from_clone, read_from_github
from handos_model.data.photos import held_out_backgrounds
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
JOINTS = [[10 + joint, 20 + joint, 1] for joint in range(21)]
NAMES = ("freihand", "onehand10k", "panoptic", "onehand10k_A", "onehand10k_B", "rhd", "coco_wholebody")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def photo(width: int, height: int) -> bytes:
    noise = np.random.default_rng(width).integers(0, 255, (8, 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))[1].tobytes()


def labels(*pictures: str, **more: object) -> dict[str, list]:
    """COCO's JSON for one hand in each picture."""
    hand = {"keypoints": sum(JOINTS, []), "bbox": [10, 20, 20, 20]} | more
    return {
        "images": [{"id": i, "file_name": f"Train/{name}", "cam_param": CAMERA} for i, name in enumerate(pictures)],
        "annotations": [{"image_id": i, **hand} for i in range(len(pictures))],
    }


CAMERA = {"focal": [300.0, 301.0], "princpt": [160.0, 120.0]}
RENDER = {
    "keypoints": [JOINTS[0], *(JOINTS[4 * f + j] for f in range(5) for j in (4, 3, 2, 1))],
    "joint_cam": [[number, 0, 500.0] for number in range(21)],  # mm
    "hand_type": "left",
}
PERSON = {
    "lefthand_valid": False, "righthand_valid": True, "righthand_kpts": sum(JOINTS, []), "righthand_box": [1, 2, 3, 4],
}  # fmt: skip
FORMATS = {
    **{name: labels() for name in NAMES},
    "freihand": labels("1.jpg"),
    "onehand10k_A": labels("5.jpg", "6.jpg"),  # whose second picture is not taken
    "panoptic": labels("2_l.jpg"),
    "rhd": labels("3.png", **RENDER),
    "coco_wholebody": labels("4.jpg", **PERSON),
}
PICTURES = ["freihand_1.jpg", "panoptic_2_l.jpg", "onehand10k_A_5.jpg", "rhd_3.png", "coco-wholebody_4.jpg"]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Repository]:
    """A folder of clones with one in it, whose second commit changes the photo of the first."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    folder = tmp_path_factory.mktemp("mirror")
    clone = folder / "somebody/photos"
    (clone / "küche").mkdir(parents=True)
    git = ["git", "-C", str(clone), "-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", "init", "-q", str(clone)], check=True)
    for name, labelled in FORMATS.items():
        (clone / f"test_{name}.json").write_text(json.dumps(labelled))
    (clone / "small.jpg").write_bytes(photo(64, 48))
    (clone / "küche/large.jpg").write_bytes(photo(1000, 500))
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "Photos"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (clone / "small.jpg").write_bytes(photo(96, 48))
    subprocess.run([*git, "commit", "-q", "-a", "-m", "Others"], check=True)
    return folder, Repository("somebody/photos", commit, "MIT", "")


def wanted(repository: Repository) -> tuple[EvaluationFile, ...]:
    """A set in miniature."""
    large = photo(1000, 500)
    background = sha256(kept_photo(large, (480, 400), (100, 0, 1000, 500)))
    copies = [
        *((f"annotated/{name}", "small.jpg", photo(64, 48)) for name in PICTURES),
        *((f"annotated/formats/test_{n}.json", f"test_{n}.json", json.dumps(FORMATS[n]).encode()) for n in NAMES),
    ]
    return (
        *(EvaluationFile(path, repository, source, sha256(content), (), None) for path, source, content in copies),
        EvaluationFile("train/b/1.jpg", repository, "küche/large.jpg", background, (480, 400), (100, 0, 1000, 500)),
    )


def test_the_set_is_brought_once_at_its_commit(mirror: tuple[Path, Repository], tmp_path: Path) -> None:
    read, files = partial(read_from_clone, mirror[0]), wanted(mirror[1])
    assert fetch(tmp_path, read, files) == len(files) == 13
    assert all(sha256((tmp_path / file.path).read_bytes()) == file.sha256 for file in files)
    assert Image.open(tmp_path / "train/b/1.jpg").size == (400, 222)
    assert (
        f"| 13 | somebody/photos | {mirror[1].commit} | MIT | under the same licence |"
        in (tmp_path / "SOURCES.md").read_text()
    )
    (tmp_path / files[3].path).unlink()
    assert fetch(tmp_path, read, files) == 1


def test_the_joints_are_what_evaluation_reads(mirror: tuple[Path, Repository], tmp_path: Path) -> None:
    fetch(tmp_path, partial(read_from_clone, mirror[0]), wanted(mirror[1]))
    photos = Annotated.load(tmp_path / "annotated")
    assert list(photos.photos) == PICTURES
    sides = {name: photos[name].side.tolist() for name in PICTURES}
    assert list(sides.values()) == [[RIGHT], [LEFT], [UNKNOWN_SIDE], [LEFT], [RIGHT]]
    for name in PICTURES:
        assert photos[name].joints_2d[0, :, :2].tolist() == [joint[:2] for joint in JOINTS]
    render = joint_records(tmp_path / "annotated")[3]
    assert render["gt"] == "synthetic" and render["K"] == [300.0, 301.0, 160.0, 120.0]
    assert render["joints3d"][1] == [0.004, 0.0, 0.5]  # m, our first joint of the thumb is RHD's last


def test_a_photo_is_kept_as_opencv_encodes_it() -> None:
    content = photo(300, 200)
    assert kept_photo(content, (480,)) == cv2.imencode(
        ".jpg", cv2.imdecode(np.frombuffer(content, np.uint8), 1), [cv2.IMWRITE_JPEG_QUALITY, 87]
    )[1].tobytes()  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, r"annotated/freihand_1.jpg, made of small.jpg of somebody/photos at \w{40}, differs"),
        ({"source": "absent.jpg"}, r"the clone .*somebody/photos does not hold \w{40}:absent.jpg: fatal"),
        ({"repository": Repository("no/body", "0" * 40, "", "")}, "there is no clone of no/body at .*mirror.*/no/body"),
    ],
)
def test_what_does_not_come_or_differs_is_said(
    mirror: tuple[Path, Repository], tmp_path: Path, change: dict[str, object], said: str
) -> None:
    first = wanted(mirror[1])[0]
    file = EvaluationFile(**({name: getattr(first, name) for name in first.__dataclass_fields__} | change))
    with pytest.raises((ValueError, OSError), match=said):
        fetch(tmp_path, partial(read_from_clone, mirror[0]), (file,))
    assert not (tmp_path / file.path).exists()


def test_a_file_of_the_user_stays(mirror: tuple[Path, Repository], tmp_path: Path) -> None:
    (tmp_path / "annotated").mkdir()
    (tmp_path / "annotated/annotations.json").write_text("mine")
    with pytest.raises(ValueError, match=r"annotations.json differs from the file .*: give another folder"):
        fetch(tmp_path, partial(read_from_clone, mirror[0]), wanted(mirror[1]))
    assert (tmp_path / "annotated/annotations.json").read_text() == "mine"


def test_the_command(
    mirror: tuple[Path, Repository], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["datasets", "fetch", "evaluation", str(tmp_path / "set"), "--mirror", str(mirror[0])]
    assert main(arguments) == 2
    assert "handos datasets: there is no clone of open-mmlab/mmpose at" in capsys.readouterr().err
    monkeypatch.setattr("handos_model.data.evaluation_set.fetch.evaluation_files", lambda: wanted(mirror[1]))
    assert main(arguments) == 0
    assert f"fetched 13 files into {tmp_path}/set" in capsys.readouterr().out


class Server(BaseHTTPRequestHandler):
    """Answers to one address."""

    def do_GET(self) -> None:
        found = self.path == "/somebody/photos/abc/k%C3%BCche/1.jpg"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(b"a photo" if found else b"")

    def log_message(self, *_: object) -> None:
        """Stays quiet."""


def test_github_is_asked_for_the_file_at_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository("somebody/photos", "abc", "MIT", "")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(repository_files, "GITHUB", f"http://127.0.0.1:{server.server_port}")
        assert read_from_github(repository, "küche/1.jpg") == b"a photo"
        with pytest.raises(OSError, match="photos/abc/none.jpg cannot be read: Not Found"):
            read_from_github(repository, "none.jpg")
        monkeypatch.setattr(repository_files, "MAX_BYTES", 3)
        with pytest.raises(OSError, match="has more than 3 bytes"):
            read_from_github(repository, "küche/1.jpg")
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "the connection ended 7 bytes too early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", r"IncompleteRead\(0 bytes read\)"),
        (b"not HTTP\r\n\r\n", "not HTTP"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_an_answer_that_is_cut_off_is_said_with_its_address(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(repository_files, "GITHUB", f"http://127.0.0.1:{server.getsockname()[1]}")

        def send() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=send, daemon=True).start()
        with pytest.raises(OSError, match=f"http://.*/somebody/photos/abc/1.jpg cannot be read: {said}"):
            read_from_github(Repository("somebody/photos", "abc", "MIT", ""), "1.jpg")


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file is a file, .*file/set must be a folder"):
        fetch(tmp_path / "file" / "set", lambda *_: pytest.fail("read"))


def test_the_list_is_complete() -> None:
    files = evaluation_files()
    assert {file.path.removeprefix("train/") for file in files if "backgrounds" in file.path} == held_out_backgrounds()
    assert len({file.path for file in files}) == len(files) == 238
    assert all(len(repository.commit) == 40 and repository.licence for repository in repositories().values())
    assert {file.repository for file in files} == set(repositories().values())


@pytest.mark.skipif(not DATA.is_dir(), reason="no photos at ../shared/data")
def test_the_files_are_those_of_the_published_figures() -> None:
    others = {"annotated/formats/test_onehand10k_A.json", "annotated/formats/test_onehand10k_B.json"}
    for file in evaluation_files():
        if file.path not in others:
            assert sha256((DATA / file.path).read_bytes()) == file.sha256
