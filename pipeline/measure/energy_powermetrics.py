"""Energy of Apple silicon as macOS's own powermetrics tells it, to root alone: only where sudo asks for no password."""

from __future__ import annotations

import plistlib
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from pipeline.measure.energy import NoCounter, Reading

PARTS = ("cpu", "gpu", "ane")
INTERVAL = 0.2  # s; its counters step by 1 mJ a sample
SAMPLES = 100  # then it ends by itself: it is root's, and takes no signal from us
PATIENCE = 10.0  # s until the first sample
COMMAND = ("/usr/bin/sudo", "-n", "/usr/bin/powermetrics", "--samplers", "cpu_power,gpu_power,ane_power", "-f", "plist",
           "-i", f"{INTERVAL * 1000:.0f}", "-n", str(SAMPLES), "-b", "0")
END = b"</plist>"  # what stands between two samples, a NUL, comes with the later one
INSTEAD = "let sudo run /usr/bin/powermetrics without a password, or pip install zeus-apple-silicon"


class PowermetricsCounter:
    """CPU, GPU and Neural Engine.  A window is what its samples cover: those that began after `begin` and had ended by `end`."""

    source = "powermetrics"

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._run: _Run | None = None
        self.begin()  # proves that it may be run, and is understood
        self._close()

    def begin(self) -> None:
        self._close()
        self._run = _Run(self._command)
        try:
            parse_sample(self._run.first_sample(PATIENCE))
        except NoCounter:
            self._close()
            raise

    def end(self) -> Reading:
        samples = self._run.samples_since_the_first() if self._run else []
        self._close()
        if not samples:
            raise NoCounter(f"{self.source} gave no sample within the window, or ended in it; measure with windows of "
                            f"{5 * INTERVAL:g} to {INTERVAL * SAMPLES / 2:g} s")
        found = [parse_sample(sample) for sample in samples]
        total = {part: sum(one.millijoules[part] for one in found) for part in PARTS}
        return Reading(self.source, total, sum(one.seconds for one in found))

    def _close(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None


class _Run:
    """One powermetrics.  A thread takes its samples from the pipe as they come, so that it never waits for us."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(command, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._stderr)
        except OSError as error:
            self._stderr.close()
            raise NoCounter(f"powermetrics cannot be run ({error.strerror or error}); {INSTEAD}") from None
        self._samples: list[bytes] = []
        self._news = threading.Condition()
        self._ended = self._enough = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        pending = b""
        with self._process.stdout as pipe:
            while not self._enough and (chunk := pipe.read(1 << 16)):
                *whole, pending = (pending + chunk).split(END)
                with self._news:
                    self._samples += [sample + END for sample in whole]
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def first_sample(self, seconds: float) -> bytes:
        """NoCounter with what the program said where there is none within ``seconds``."""
        with self._news:
            self._news.wait_for(lambda: self._samples or self._ended, seconds)
            if self._samples:
                return self._samples[0]
        self._stderr.seek(0)
        said = " ".join(self._stderr.read().decode(errors="replace").split())[-200:]
        raise NoCounter(f"powermetrics gave no sample within {seconds:g} s (it said: {said or 'nothing'}); {INSTEAD}")

    def samples_since_the_first(self) -> list[bytes]:
        """None where it has ended: then they are not the whole window's."""
        with self._news:
            return [] if self._ended else self._samples[1:]

    def close(self) -> None:
        """The pipe is closed after the next sample, and the one after that ends the program; no longer is it waited for."""
        self._enough = True
        try:
            self._process.wait(timeout=5 * INTERVAL)
        except subprocess.TimeoutExpired:
            with suppress(PermissionError):  # sudo's refusal
                self._process.kill()
        self._thread.join(timeout=5 * INTERVAL)
        self._stderr.close()


def parse_sample(document: bytes) -> Reading:
    """One plist of `powermetrics --format plist`; NoCounter for anything else, or when a part is missing.

    Its energies are millijoules; a macOS that tells no energy tells power in milliwatts, over elapsed_ns.
    """
    try:
        sample = plistlib.loads(document.strip(b"\0 \t\r\n"))
    except Exception as error:  # expat's, plistlib's, and whatever a wrong date or number raises
        raise NoCounter(f"powermetrics: expected a plist, found {type(error).__name__}: {error}; update macOS or use zeus-apple-silicon"
                        ) from None
    told = sample.get("processor") if isinstance(sample, dict) else None
    elapsed = sample.get("elapsed_ns") if isinstance(sample, dict) else None
    if not isinstance(told, dict) or not isinstance(elapsed, int) or isinstance(elapsed, bool) or elapsed <= 0:
        raise NoCounter(f"powermetrics: expected elapsed_ns and processor in its sample, found {elapsed!r:.40} and "
                        f"{type(told).__name__}; update macOS or use zeus-apple-silicon")
    seconds = elapsed / 1e9
    return Reading("powermetrics", {part: _millijoules(told, part, seconds) for part in PARTS}, seconds)


def _millijoules(told: Mapping[str, Any], part: str, seconds: float) -> float:
    energy, power = told.get(f"{part}_energy"), told.get(f"{part}_power")
    if energy is not None:
        return energy
    if isinstance(power, (int, float)) and not isinstance(power, bool):
        return power * seconds
    raise NoCounter(f"powermetrics told neither {part}_energy nor {part}_power as a number; use zeus-apple-silicon")
