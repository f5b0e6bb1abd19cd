"""Random steps on a real ATDB, its disks and its archive, judged after each step: see docs/rehearsal.md."""
