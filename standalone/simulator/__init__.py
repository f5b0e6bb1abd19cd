"""The telescope simulator: telescope control and the data writer, for use without a telescope.

`python -m standalone.simulator` accepts parsets over HTTP, and writes real data products while it "observes". It
reports the end to ATDB, as the data writer of the real telescope does.
"""
