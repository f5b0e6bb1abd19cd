"""Screenshots of all pages: `python -m tests.gui.screenshots FOLDER [SCHEDULE]`. They show the present week."""
