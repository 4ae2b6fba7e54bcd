"""A model directory or Parquet file in 8 bits, in three lines: python examples/quantize/basic.py MODEL OUT"""

from __future__ import annotations

import sys

from pipeline.quantize import QuantizationConfig, quantize

if __name__ == "__main__":
    model, out = sys.argv[1:]
    print(quantize(QuantizationConfig(input=model, output=out, method="fp8-dynamic")))
