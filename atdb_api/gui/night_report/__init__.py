"""The page of a night's report: a file that is whole by itself, and depends on nothing but the stored report.

`document.render` writes it. No module here knows of Flask, the database, the time or the settings.
"""
