"""The data products of an observation: on the disks of this machine, and on their way to the archive."""
