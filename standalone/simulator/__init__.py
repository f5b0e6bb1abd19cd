"""The telescope simulator: telescope control and the data writer, to rehearse with where there is no telescope.

`python -m standalone.simulator` takes parsets over HTTP, writes real data products while it "observes", and tells
ATDB when it is done, as the data writer of the real telescope does.
"""
