"""The page of a night report: one file without other resources, which depends only on the stored report.

`document.render` renders it. No module here uses Flask, the database, the time or the settings.
"""
