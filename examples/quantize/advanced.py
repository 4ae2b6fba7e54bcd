"""4 bits by GPTQ with texts of one's own: foreseen, made, and read back.  python examples/quantize/advanced.py MODEL TEXTS OUT"""

from __future__ import annotations

import sys

from pipeline.quantize import QuantizationConfig, project_store, quantize
from pipeline.quantize.foreseen import foresee
from pipeline.quantize.manifest import manifest_of
from pipeline.runtime.torch_runtime import load_model

if __name__ == "__main__":
    model, texts, out = sys.argv[1:]
    config = QuantizationConfig(
        input=model, output=out, backend="llmcompressor", method="int4-gptq", calibration_data=texts, samples=32, group_size=32,
        ignore=("lm_head", r"re:.*\.layers\.0\..*"), time_limit=3600)
    foreseen = foresee(config, project_store())
    if foreseen.unable:
        sys.exit(f"it would not run: {foreseen.unable}")
    before, after = foreseen.bytes
    print(f"{before:,} -> {after:,} bytes, in about {foreseen.seconds:.0f} s")
    made = quantize(config, resume=True)  # after kill -9, the same command goes on
    print(manifest_of(made)["tensors"], load_model(made).num_parameters(), "weights load")
