"""Whatever a drawing was saved as, it comes out upright, 8-bit and straight; whatever is no drawing is refused."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from drawings import draw_head, lay_over, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from perfkit.errors import PackError
from perfkit.ingest import read
from perfkit.ingest.read import read_drawing, read_matte

HEAD = draw_head(turn=12)
ON_PAPER = lay_over(HEAD, (240, 240, 235))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def make_png(width: int, height: int, rows: bytes = b"") -> bytes:
    """Return a PNG that declares a size, whatever it holds."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_alpha_is_kept_to_the_bit(tmp_path, suffix):
    drawing = read_drawing(save(tmp_path / f"a{suffix}", HEAD))
    assert np.array_equal(drawing.rgba[HEAD[..., 3] > 0], HEAD[HEAD[..., 3] > 0])
    assert np.array_equal(drawing.rgba[..., 3], HEAD[..., 3])
    assert drawing.has_alpha and not drawing.is_lossy and drawing.size_wh == (200, 200)


def test_jpeg_is_opaque_and_lossy(tmp_path):
    drawing = read_drawing(save(tmp_path / "a.jpg", ON_PAPER))
    assert not drawing.has_alpha and drawing.is_lossy
    assert np.abs(drawing.rgba[..., :3].astype(int) - ON_PAPER).mean() < 3


def test_lossy_webp_is_known_as_lossy(tmp_path):
    Image.fromarray(ON_PAPER).save(tmp_path / "a.webp", quality=80)
    assert read_drawing(tmp_path / "a.webp").is_lossy


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_stands_the_picture_upright(tmp_path, orientation):
    turn = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}  # fmt: skip
    upright = Image.fromarray(HEAD[:, 20:])
    stored = upright.transpose(turn[orientation]) if orientation in turn else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    drawing = read_drawing(tmp_path / "a.png")
    assert drawing.size_wh == (180, 200)
    assert np.array_equal(drawing.rgba, np.asarray(upright))


def test_sixteen_bits_become_eight(tmp_path):
    deep = cv2.cvtColor(HEAD, cv2.COLOR_RGBA2BGRA).astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert np.array_equal(read_drawing(tmp_path / "a.png").rgba, HEAD)


def test_sixteen_bit_grey_is_not_clipped(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (40, 1))
    cv2.imwrite(str(tmp_path / "a.png"), ramp)
    grey = read_drawing(tmp_path / "a.png").rgba
    assert np.abs(grey[0, :, 0].astype(int) - np.rint(ramp[0] / 257)).max() <= 1
    assert (grey[..., 3] == 255).all()


def test_palette_with_a_transparent_colour(tmp_path):
    cut = HEAD * (HEAD[..., 3:] == 255)
    Image.fromarray(cut).quantize(128, method=Image.Quantize.FASTOCTREE).save(tmp_path / "a.png")
    drawing = read_drawing(tmp_path / "a.png")
    assert np.abs(drawing.rgba[..., 3].astype(int) - cut[..., 3]).mean() < 2
    assert np.abs(drawing.rgba[cut[..., 3] == 255].astype(int) - cut[cut[..., 3] == 255]).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK"])
def test_every_colour_mode_is_read(tmp_path, mode):
    suffix = ".jpg" if mode == "CMYK" else ".png"
    picture = Image.fromarray(ON_PAPER).convert("RGB" if mode != "LA" else "RGBA").convert(mode)
    picture.save(tmp_path / f"a{suffix}")
    expected = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(read_drawing(tmp_path / f"a{suffix}").rgba[..., :3].astype(int) - expected).mean() < 3


def make_swapped_profile() -> bytes:
    """Return the profile of a screen whose red is sRGB's green and whose green is sRGB's red."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12)}
    red, green = entries[b"rXYZ"] + 4, entries[b"gXYZ"] + 4
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_colours_of_another_profile_are_converted(tmp_path):
    pixels = np.full((40, 40, 4), (200, 90, 60, 130), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=make_swapped_profile())
    read_back = read_drawing(tmp_path / "a.png").rgba[0, 0].astype(int)
    assert np.abs(read_back - (90, 200, 60, 130)).max() <= 2


def test_colours_of_no_readable_profile_are_kept_and_noted(tmp_path):
    pixels = np.full((40, 40, 3), (200, 90, 60), np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in {"srgb.png": srgb, "broken.png": b"no profile" * 20}.items():
        Image.fromarray(pixels).save(tmp_path / name, icc_profile=profile)
        drawing = read_drawing(tmp_path / name)
        assert np.array_equal(drawing.rgba[..., :3], pixels)
        assert ("profile" in drawing.note) == (name == "broken.png")


def test_large_drawings_are_made_smaller_and_keep_their_stated_size(tmp_path):
    drawing = read_drawing(save(tmp_path / "a.png", np.zeros((1500, 3000, 3), np.uint8)))
    assert drawing.size_wh == (3000, 1500)
    assert drawing.rgba.shape == (1024, 2048, 4)


@pytest.mark.parametrize("size", [(60_000, 60_000), (8001, 8000), (2**31 - 1, 2**31 - 1)])
def test_an_image_bomb_is_refused_by_its_header(tmp_path, size, monkeypatch):
    (tmp_path / "a.png").write_bytes(make_png(*size))
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoder was reached"))
    with pytest.raises(PackError, match="64 megapixels"):
        read_drawing(tmp_path / "a.png")


def test_a_webp_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    side = (16382).to_bytes(3, "little")
    content = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + side + side
    (tmp_path / "a.webp").write_bytes(content)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoder was reached"))
    with pytest.raises(PackError, match="16383x16383"):
        read_drawing(tmp_path / "a.webp")


def test_a_jpeg_bomb_is_refused(tmp_path):
    content = io.BytesIO()
    Image.fromarray(ON_PAPER).save(content, "JPEG")
    frame = content.getvalue().index(b"\xff\xc0")
    huge = bytearray(content.getvalue())
    huge[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    (tmp_path / "a.jpg").write_bytes(bytes(huge))
    with pytest.raises(PackError, match="64 megapixels"):
        read_drawing(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.4, 0.9])
def test_a_truncated_file_is_refused_in_one_line(tmp_path, suffix, share):
    path = save(tmp_path / f"a{suffix}", ON_PAPER if suffix == ".jpg" else HEAD)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PackError) as caught:
        read_drawing(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation_is_refused(tmp_path, suffix):
    frames = [Image.fromarray(draw_head(turn=turn)) for turn in (0, 20)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(PackError, match="animated"):
        read_drawing(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("name", ["text", "gif", "tiny", "absent"])
def test_what_is_no_drawing_is_refused(tmp_path, name):
    path = tmp_path / "a.png"
    if name == "text":
        path.write_text("hello")
    elif name == "gif":
        Image.fromarray(ON_PAPER).save(path, format="GIF")
    elif name == "tiny":
        Image.new("RGBA", (31, 200)).save(path)
    with pytest.raises(PackError, match=r"a\.png"):
        read_drawing(path)


def test_a_file_too_large_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "MAX_FILE_BYTES", 1000)
    with pytest.raises(PackError, match="larger than"):
        read_drawing(save(tmp_path / "a.png", HEAD))


def test_a_matte_is_grey_times_alpha_and_must_fit(tmp_path):
    grey = np.zeros((40, 60, 4), np.uint8)
    grey[:, :30] = (255, 255, 255, 255)
    grey[:, 30:40] = (128, 128, 128, 255)
    grey[:, 40:50] = (255, 255, 255, 100)
    path = save(tmp_path / "a.matte.png", grey)
    assert read_matte(path, size_wh=(60, 40))[0, [0, 35, 45, 55]].tolist() == [255, 128, 100, 0]
    with pytest.raises(PackError, match="60x40 px, its drawing 40x60"):
        read_matte(path, size_wh=(40, 60))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from([".png", ".jpg", ".webp"]), position=st.floats(0, 1), junk=st.binary(max_size=60))
def test_damaged_bytes_are_read_or_refused_in_one_line(tmp_path, kind, position, junk):
    path = save(tmp_path / f"whole{kind}", ON_PAPER[:64, :64] if kind == ".jpg" else HEAD[60:124, 60:124])
    content = path.read_bytes()
    place = int(position * len(content))
    damaged = tmp_path / f"damaged{kind}"
    damaged.write_bytes(content[:place] + junk + content[place + len(junk) :])
    try:
        assert read_drawing(damaged).rgba.dtype == np.uint8
    except PackError as error:
        assert "\n" not in str(error)
