"""Screenshots of all pages: `python -m tests.gui.screenshots FOLDER [SCHEDULE]`. They show a week around now."""
