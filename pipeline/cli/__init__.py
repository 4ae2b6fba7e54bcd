"""The command ``edge``; one file a subcommand, each with ``add(subparsers)``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from pipeline.errors import EdgeError, told

COMMANDS = ("api", "artifacts", "assistant", "baseline", "compress", "convert", "data", "doctor", "gate", "gateway", "init", "m4",
            "monitor", "plan", "preflight", "profile", "quantize", "registry", "report", "search", "serve")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 a check found something, 2 one line on stderr says what to do, 130 interrupted."""
    try:
        options = _parser().parse_args(argv)
        return int(options.run(options))
    except EdgeError as error:
        print(f"edge: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"edge: this command needs {error.name}, which is not installed; install the extra `model`", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"edge: {told(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("edge: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge", description="acceptance of on-device language models")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        import_module(f"pipeline.cli.{name}").add(subparsers)
    return parser
