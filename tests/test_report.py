import cv2
import numpy as np
import pytest

from perfkit.errors import MediaError
from perfkit.report import (
    choose_moments,
    crop_title,
    draw_contact_sheet,
    format_timecode,
    make_moment,
    save_contact_sheet,
)

RED, BLUE = (255, 0, 0), (0, 0, 255)


def make_moments(count, *, has_take=True, take_hw=(90, 160)):
    take_rgb = np.full((*take_hw, 3), RED, np.uint8) if has_take else None
    return [make_moment(index * 1.5, take_rgb, np.full((64, 64, 3), BLUE, np.uint8)) for index in range(count)]


def box(sheet, colour):
    rows, columns = np.nonzero((sheet == colour).all(axis=-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize(("num_frames", "expected"), [(1, {0}), (3, {0, 1, 2}), (24, set(range(1, 24, 2)))])
def test_moments_are_spread_evenly(num_frames, expected):
    assert choose_moments(num_frames) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.00"), (65.2, "1:05.20"), (59.999, "1:00.00"), (-0.5, "-0:00.50"), (-0.001, "0:00.00")],
)
def test_timecodes_round_to_the_next_minute(seconds, text):
    assert format_timecode(seconds) == text


def test_the_take_stands_above_the_character_in_the_same_column():
    sheet = draw_contact_sheet(make_moments(1), title="t")
    _, take_bottom, take_left, take_right = box(sheet, RED)
    character_top, _, left, right = box(sheet, BLUE)
    assert take_bottom < character_top
    assert (take_left, take_right) == (left, right)


@pytest.mark.parametrize("take_hw", [(90, 160), (160, 90), (30, 300), (300, 30)])
def test_no_picture_leaves_its_cell_or_the_sheet(take_hw):
    sheet = draw_contact_sheet(make_moments(12, take_hw=take_hw), title="t")
    top, bottom, left, right = box(sheet, RED)
    assert 0 < top < bottom < sheet.shape[0] - 1
    assert 0 < left < right < sheet.shape[1] - 1
    taken = (sheet == RED).all(axis=-1).sum()
    small = make_moments(1, take_hw=take_hw)[0].take_rgb
    assert taken == 12 * (small == RED).all(axis=-1).sum()


def test_a_sheet_without_a_take_has_the_character_alone():
    sheet = draw_contact_sheet(make_moments(3, has_take=False), title="t")
    assert not (sheet == RED).all(axis=-1).any()
    assert (sheet == BLUE).all(axis=-1).any()


def test_the_sheet_is_written_whole_or_refused(tmp_path):
    save_contact_sheet(make_moments(2), tmp_path / "sheet.png", title="t")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    with pytest.raises(MediaError, match="does not exist"):
        save_contact_sheet(make_moments(2), tmp_path / "no" / "sheet.png", title="t")


def test_a_sheet_without_its_title_still_shows_every_moment_whole():
    sheet = draw_contact_sheet(make_moments(8), title="a title")
    cropped = crop_title(sheet)
    top, bottom, left, right = box(cropped, BLUE)
    assert (left, right) == (0, cropped.shape[1] - 1)
    assert (cropped == BLUE).all(axis=-1).sum() == (sheet == BLUE).all(axis=-1).sum()
    assert bottom < cropped.shape[0] < sheet.shape[0] and top > 0
