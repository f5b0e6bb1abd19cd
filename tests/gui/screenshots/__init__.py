"""Pictures of all pages: `python -m tests.gui.screenshots FOLDER`. They show a week of observing, about now."""
