"""Charts keep gaps and peaks; a page is one file that fetches nothing."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from perfkit.charts import Chart, Lane, Line, Mark, draw_chart, draw_lanes, find_spans, frame_edges, make_time_ticks
from perfkit.errors import MediaError
from perfkit.page import Cell, Page, Picture, write_page

SECONDS = np.arange(50) / 25


def elements(svg: str, tag: str) -> list[ElementTree.Element]:
    """Return all elements of a kind."""
    return ElementTree.fromstring(svg).findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def test_a_gap_in_a_curve_stays_a_gap():
    values = np.sin(SECONDS)
    values[20:25] = np.nan
    assert len(elements(draw_chart(SECONDS, Chart("t", (Line("", values),))), "polyline")) == 2


def test_a_lone_value_is_still_seen():
    values = np.full(50, np.nan)
    values[7] = 1.0
    assert len(elements(draw_chart(SECONDS, Chart("t", (Line("", values),))), "circle")) == 1


def test_a_long_take_is_thinned_to_its_extremes():
    seconds = np.arange(20_000) / 25
    values = np.random.default_rng(0).normal(size=20_000)
    values[12_345] = 50.0
    svg = draw_chart(seconds, Chart("t", (Line("", values),)))
    points = elements(svg, "polyline")[0].attrib["points"].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(points) < 3000
    assert min(heights) == heights[np.argmin(heights)] < np.median(heights) - 50


def test_a_curve_of_nothing_and_a_flat_one_are_drawn():
    for values in (np.full(50, np.nan), np.full(50, 3.0), np.zeros(50)):
        svg = draw_chart(SECONDS, Chart("t", (Line("", values),), limits=(0.0, float("nan"))))
        assert "nan" not in svg and "-0<" not in svg


def test_marks_stand_at_their_seconds():
    chart = Chart("t", (), marks=(Mark("joins", np.array([0.0, 1.0]), "#123456", is_rule=True),))
    lines = [line for line in elements(draw_chart(SECONDS, chart), "line") if line.attrib["stroke"] == "#123456"]
    assert [float(line.attrib["x1"]) for line in lines] == pytest.approx([118, 118 + 868 / 2])


def test_spans_are_runs_of_true():
    states = np.array([True, True, False, True, False, False, True])
    assert find_spans(states) == [(0, 2), (3, 4), (6, 7)]
    assert find_spans(~states & states) == []


def test_a_lane_shows_its_spans_or_says_why_not():
    states = np.zeros(50, dtype=bool)
    states[10:20] = states[40] = True
    svg = draw_lanes(SECONDS, [Lane("lost", states, "#aa0000"), Lane("blurred", states, note="not known")])
    red = [bar for bar in elements(svg, "rect") if bar.attrib["fill"] == "#aa0000"]
    assert [round(float(bar.attrib["x"])) for bar in red] == [round(118 + 868 * share) for share in (0.2, 0.8)]
    assert "not known" in svg


def test_the_last_frame_lasts_as_long_as_the_one_before():
    assert frame_edges(np.array([0.0, 0.1, 0.4]))[-1] == pytest.approx(0.7)


@pytest.mark.parametrize(("end", "labels"), [(0.5, ["0:00.00", "0:00.10"]), (9.0, ["0:00", "0:01"]), (3600, None)])
def test_time_is_told_in_round_steps(end, labels):
    ticks = make_time_ticks(np.array([0.0, end]), most=9)
    assert 2 <= len(ticks) <= 11
    assert labels is None or [label for _, label in ticks[:2]] == labels


def test_a_page_is_one_file_that_fetches_nothing(tmp_path):
    page = Page('Take <1> & "co"')
    page.add_text("fine", kind="good")
    page.add_list(["a < b"])
    page.add_table(("name", "figure"), [[Cell("jaw"), Cell("0.97", "number")]], widths=(50, 50))
    page.add_chart(SECONDS, Chart("t & u", (Line("curve", np.sin(SECONDS)),)))
    page.add_pictures([Picture(np.full((20, 30, 3), 200, np.uint8), "0:01.00")])
    write_page(page, tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert "Take &lt;1&gt; &amp; &quot;co&quot;" in html and "a &lt; b" in html and "t &amp; u" in html
    assert re.findall(r'(?:src|href)="(?!data:)', html) == []
    assert set(re.findall(r"https?://[^\s\"<]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert "<script" not in html and "@import" not in html
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        write_page(Page("t"), tmp_path / "no" / "page.html")
