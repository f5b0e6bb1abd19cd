"""`python -m standalone.simulator`: run the telescope simulator until SIGTERM or Ctrl-C."""

import logging
import signal
import sys
import time
from types import FrameType

from werkzeug.serving import make_server

from standalone.settings import SettingsError
from standalone.simulator.observing import Telescope
from standalone.simulator.settings import Settings
from standalone.simulator.task_memory import TaskMemory
from standalone.simulator.web import create_app


def main() -> int:
    """Serve requests until SIGTERM or Ctrl-C, and return the exit status."""
    _log_in_utc()
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    logbook = TaskMemory(settings.state)
    telescope = Telescope(settings, logbook)
    # The port is bound first: if another simulator has it, this one must not resume the same observations.
    server = make_server(settings.listen, settings.port, create_app(telescope, logbook), threaded=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        telescope.resume()
        logging.info("listening on http://%s:%d, speedup %g", settings.listen, settings.port, settings.speedup)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        telescope.stop()
        server.server_close()
    logging.info("ended")
    return 0


def _log_in_utc() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s")
    logging.Formatter.converter = time.gmtime
    for chatty in ("werkzeug", "httpx"):  # one line per request would hide those of the observations
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, once: a second SIGTERM would interrupt the shutdown."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
