"""Run the command: `python -m tools.mutation`. Processes that run tests import this, so it imports nothing."""

if __name__ == "__main__":
    import sys

    from tools.mutation.command import main

    sys.exit(main())
