"""`python -m tests.clocks.start_process NAME`: become one process of the stack, with its faked clock."""

import sys

from standalone.stack.start_process import become
from tests.clocks.faked_clock import inherit

if __name__ == "__main__":
    inherit()
    become(sys.argv[1])
