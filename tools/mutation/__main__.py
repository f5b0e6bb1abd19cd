"""Run the command: `python -m tools.mutation`. Each process that runs tests imports this, so it imports nothing."""

if __name__ == "__main__":
    import sys

    from tools.mutation.command import main

    sys.exit(main())
