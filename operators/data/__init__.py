"""The data products of an observation: on this machine's disks, and on their way to the archive."""
