"""The server: the application on the network, and a worker process beside it that is started again when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from pipeline.edge.listen import listen
from pipeline.edge.loopback import is_loopback
from pipeline.errors import EdgeError
from pipeline.service.app import make_app
from pipeline.service.settings import Settings, variable
from pipeline.service.tokens import Tokens

PAUSE = 1.0  # s before a worker that ended is started again
LONGEST = 30.0  # s of one answer; a stream of events ends before


def serve(settings: Settings, alone: bool = False) -> None:
    """Until SIGINT or SIGTERM.  alone: no worker beside it.  EdgeError where others could connect and no token was made."""
    if not is_loopback(settings.host) and not Tokens(settings.token_file).any():
        raise EdgeError(f"--host {settings.host}: expected a token where others can connect, found none; make one with edge api token add, "
                        "or use 127.0.0.1")
    app = make_app(settings)
    if not alone:
        threading.Thread(target=_keep_a_worker, args=(settings,), daemon=True).start()
    listen(app, settings.host, settings.port, "by tokens", "", answer=LONGEST, path="/")


def _keep_a_worker(settings: Settings) -> None:
    """It ends with this process: its stdin is a pipe from here."""
    environment = {**os.environ, **{variable(name): _text(value) for name, value in settings.model_dump().items() if value is not None}}
    while True:
        with subprocess.Popen([sys.executable, "-m", "pipeline.service.worker"], stdin=subprocess.PIPE, stdout=sys.stderr,
                              env=environment) as worker:
            worker.wait()
        time.sleep(PAUSE)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return os.pathsep.join(map(str, value))
    return str(int(value)) if isinstance(value, bool) else str(value)
