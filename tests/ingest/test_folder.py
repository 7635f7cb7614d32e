"""A stranger's folder is walked without ever stepping out of it."""

import os
from pathlib import Path

import pytest
from drawings import draw_head, save

from perfkit.errors import PackError
from perfkit.ingest import folder as folder_module
from perfkit.ingest.folder import find_drawings

HEAD = draw_head()


def reasons(found) -> dict[str, str]:
    """Return file -> why it is refused."""
    return {refusal.file: refusal.reason for refusal in found.refused}


def place(path: Path) -> None:
    """Save a drawing under any name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(path.parent / "saved.png", HEAD).read_bytes())
    (path.parent / "saved.png").unlink()


def test_names_and_folders_are_free(tmp_path):
    names = ["b.PNG", "deep/c.webp", "deep/er/a.jpg", "ünïcode ß.png"]
    for name in names:
        place(tmp_path / name)
    assert sorted(find_drawings(tmp_path).drawings) == sorted(names)


def test_hidden_files_are_passed_over_and_others_counted(tmp_path):
    for name in (".hidden.png", "notes.txt", "scene.psd", "__MACOSX/a.png", ".git/b.png", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = find_drawings(tmp_path)
    assert list(found.drawings) == ["a.png"] and found.ignored == ("notes.txt", "scene.psd") and not found.refused


def test_mattes_belong_to_their_drawings(tmp_path):
    for name in ("a.png", "a.matte.png", "sub/a.jpg", "sub/a.matte.PNG", "b.matte.png"):
        place(tmp_path / name)
    found = find_drawings(tmp_path)
    assert list(found.drawings) == ["a.png", "sub/a.jpg"]
    mattes = {file: path.name for file, path in found.mattes.items()}
    assert mattes == {"a.png": "a.matte.png", "sub/a.jpg": "a.matte.PNG"}
    assert "without a drawing" in reasons(found)["b.matte.png"]


def test_links_out_pipes_and_loops_are_refused_and_the_rest_goes_on(tmp_path):
    art, outside = tmp_path / "art", tmp_path / "outside"
    save(art / "good.png", HEAD)
    save(outside / "secret.png", HEAD)
    (art / "link.png").symlink_to(outside / "secret.png")
    (art / "up.png").symlink_to("../outside/secret.png")
    (art / "folder").symlink_to(outside)
    (art / "dangling.png").symlink_to(art / "nowhere.png")
    (art / "loop.png").symlink_to(art / "loop.png")
    (art / "inside.png").symlink_to(art / "good.png")
    os.mkfifo(art / "pipe.png")
    found = find_drawings(art)
    assert list(found.drawings) == ["good.png", "inside.png"]
    told = reasons(found)
    assert set(told) == {"link.png", "up.png", "folder", "dangling.png", "loop.png", "pipe.png"}
    assert "leads out" in told["link.png"] and "leads out" in told["up.png"] and "no plain file" in told["pipe.png"]


def test_a_folder_that_is_itself_a_link_is_fine(tmp_path):
    save(tmp_path / "art" / "a.png", HEAD)
    (tmp_path / "link").symlink_to(tmp_path / "art")
    assert list(find_drawings(tmp_path / "link").drawings) == ["a.png"]


def test_a_name_with_control_characters_is_refused(tmp_path):
    save(tmp_path / "a.png", HEAD).rename(tmp_path / "a\nb.png")
    assert "control" in reasons(find_drawings(tmp_path))["a\nb.png"]


def test_no_folder_and_too_many_drawings_are_refused(tmp_path, monkeypatch):
    with pytest.raises(PackError, match="no folder"):
        find_drawings(tmp_path / "absent")
    monkeypatch.setattr(folder_module, "MAX_DRAWINGS", 1)
    for name in ("a.png", "b.png"):
        save(tmp_path / name, HEAD)
    with pytest.raises(PackError, match="holds 2 drawings"):
        find_drawings(tmp_path)
