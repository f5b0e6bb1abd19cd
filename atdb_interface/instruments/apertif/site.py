"""The Westerbork Synthesis Radio Telescope, and the beams that Apertif forms there."""

from atdb_interface.instruments.interface import Site

#: The coordinates are those of the centre of the array.
SITE = Site("WSRT", telescopes="23456789ABCD", longitude_degrees=6.604, latitude_degrees=52.915)
#: Apertif forms this many beams on the sky, numbered from 0.
BEAMS = 40
#: Within a compound beam, ARTS forms this many tied-array beams, numbered from 1.
TIED_ARRAY_BEAMS = 12
