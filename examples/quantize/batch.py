"""Several methods of one model, each whole or told why not: python examples/quantize/batch.py MODEL FOLDER METHOD..."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.quantize import QuantizationConfig, quantize
from pipeline.quantize.manifest import manifest_of

if __name__ == "__main__":
    model, folder, *methods = sys.argv[1:]
    failed = 0
    for method in methods:
        try:
            made = manifest_of(quantize(QuantizationConfig(input=model, output=Path(folder, method), method=method, group_size=32)))
            print(f"{method:<14} {made['bytes']['after'] / made['bytes']['before']:.0%} of the bytes in {made['seconds']:.1f} s")
        except (EdgeError, ValueError) as error:  # ValueError: a setting of no use
            print(f"{method:<14} {error}", file=sys.stderr)
            failed += 1
    sys.exit(min(failed, 1))
