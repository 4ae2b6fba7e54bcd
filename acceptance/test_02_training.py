"""Phase 2: LoRA training."""

import pytest

from pipeline.measure.size import lora_parameters


@pytest.mark.claim("training.lora_parameters")
def test_lora_is_small(check, adapter):
    check(lora_parameters(adapter))
