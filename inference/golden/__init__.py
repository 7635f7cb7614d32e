"""Golden takes: an approved take pinned frame by frame, so that whatever alters it fails a test.

evidence.py       what a render was, room by room
golden_file.py    a golden's folder: written, found, read
comparing.py      one evidence against another, tier by tier
checking.py       record, check, update
golden_page.py    the report of a check
pytest_plugin.py  the same as tests of a studio's own suite
"""
