"""What a Mac needs more to be measured: Core ML, MLX on Metal, an energy counter, and nothing that slows it down."""

from __future__ import annotations

import time

from pipeline.doctor.finding import Checks, Finding
from pipeline.errors import EdgeError
from pipeline.measure.energy import NoCounter, open_counter
from pipeline.measure.energy_powermetrics import PowermetricsCounter
from pipeline.measure.machine_state import read_state
from pipeline.runtime.compute_plan import DEVICES, NEURAL_ENGINE
from pipeline.runtime.coremltools_lean import coremltools

WINDOW = 0.3  # s


def checks() -> Checks:
    return {"coremltools": _coremltools, "mlx": _mlx, "energy": _energy, "powermetrics": _powermetrics, "low power": _low_power,
            "heat": _heat}


def _coremltools() -> Finding:
    """Whether it can execute, which its wheel for Linux and a wrong Python cannot, and on what."""
    try:
        found = coremltools().models.compute_device.MLComputeDevice.get_all_compute_devices()
    except (EdgeError, AttributeError) as error:
        return Finding("coremltools", "warn", f"cannot execute here ({error})", "reinstall coremltools from PyPI's wheel for macOS arm64")
    devices = [DEVICES.get(type(device).__name__, type(device).__name__) for device in found]
    if NEURAL_ENGINE not in devices:
        return Finding("coremltools", "warn", f"{', '.join(devices) or 'no device'}, no {NEURAL_ENGINE}",
                       "claims on the Neural Engine need a real Apple silicon Mac")
    return Finding("coremltools", "ok", ", ".join(devices))


def _mlx() -> Finding:
    try:
        import mlx.core as mx
    except ImportError as error:
        return Finding("mlx", "warn", f"not importable ({error})", "pip install mlx")
    if mx.metal.is_available():
        return Finding("mlx", "ok", "on Metal")
    return Finding("mlx", "warn", "without Metal, on the CPU", "install mlx's wheel for macOS arm64; a virtual machine may have no Metal")


def _energy() -> Finding:
    """One window of the counter that `pipeline.measure.power` would take."""
    try:
        counter = open_counter()
        counter.begin()
        time.sleep(WINDOW)
        told = counter.end().milliwatts
    except NoCounter as error:
        return Finding("energy", "warn", f"no counter: {error}", 'pip install -c constraints.txt -e ".[model,power]"')
    parts = ", ".join(f"{part} {milliwatts:.0f} mW" for part, milliwatts in told.items())
    return Finding("energy", "ok", f"{counter.source}: {parts}")


def _powermetrics() -> Finding:
    """Optional: taken only where zeus-apple-silicon is missing."""
    try:
        PowermetricsCounter()
    except NoCounter as error:
        return Finding("powermetrics", "ok", f"optional, not to be had without a password: {error}")
    return Finding("powermetrics", "ok", "optional, may be run by sudo without a password")


def _low_power() -> Finding:
    on = read_state().low_power_mode
    if on:
        return Finding("low power", "warn", "low power mode is on", "switch it off: timings need full speed")
    return Finding("low power", "ok", "off" if on is False else "pmset does not tell")


def _heat() -> Finding:
    state = read_state()
    found = "; ".join(filter(None, (state.thermal_pressure and f"thermal pressure {state.thermal_pressure}", state.throttled)))
    if state.throttled or state.thermal_pressure not in (None, "nominal"):
        return Finding("heat", "warn", found, "let it cool down before it is measured")
    return Finding("heat", "ok", found or "macOS does not tell its thermal pressure")
