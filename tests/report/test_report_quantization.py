"""The comparison of quantised models, rendered: every figure stands in every rendering, and what is missing has its reason."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import pytest

from pipeline.precision.compare import Comparison
from pipeline.report.quantization import show, write

WHY = "the hub cannot be reached"


def bounded(value, lower, upper):
    return {"value": value, "lower": lower, "upper": upper, "n": 100, "texts": 5, "tokens": 50}


def layer(place, error):
    side = {"cosine": 1 - error / 10, "error": error}
    return {"layer": place, "alone": side, "through": side}


@pytest.fixture
def comparison():
    size = {"matrices": {"bytes": 10, "bf16": 40, "share": 0.25}, "whole": {"bytes": 1_234_567, "bf16": 3_000_000, "share": 0.4115}}
    served = {"p50_ms": 12.34, "p95_ms": 15.0, "per_second": 77.0, "peak_rss_mb": 88.0,
              "change": {"value": -0.253, "lower": -0.301, "upper": -0.202}, "invalid": {"latency": "a busy machine"}}
    first = {"name": "original", "made_by": "", "size": {**size, "matrices": {"bytes": 0, "bf16": 0, "share": None}},
             "perplexity": {"candidate": 20.0}, "tasks": {"MMLU": {"accuracy": bounded(0.7, 0.6, 0.8)}}, "served": {"reason": "dense"}}
    second = {"name": "int4 <b>&_$1", "made_by": "llmcompressor int4-gptq, in place of angelslim int4-gptq: no accelerator", "size": size,
              "seconds": 12.5, "perplexity": {"candidate": 21.0, "ratio": bounded(1.05, 1.04, 1.06)},
              "agreement": bounded(0.98, 0.97, 0.99), "divergence": bounded(0.00012, 0.0001, 0.0002),
              "layers": [layer(0, 0.01), layer(1, 0.0)], "weights": {},
              "tasks": {"MMLU": {"accuracy": bounded(0.69, 0.59, 0.79), "loss": {**bounded(0.01, -0.02, 0.04), "p": 0.7}},
                        "C-Eval": {"reason": WHY}}, "served": served}
    return Comparison({"name": "some.txt", "texts": 5, "tokens": 50}, [first, second], {"host_class": "a-host"}, {})


def renderings(comparison, folder):
    stream = io.StringIO()
    show(comparison, stream)
    found = {path.suffix: path.read_text(encoding="utf-8") for path in write(comparison, folder)}
    assert json.loads(found.pop(".json")) == json.loads(json.dumps(comparison.to_json()))
    return {"terminal": stream.getvalue(), **found}


def test_every_rendering_has_every_figure_with_its_interval(comparison, tmp_path):
    for kind, text in renderings(comparison, tmp_path).items():
        flat = re.sub(r"[\\{}$^]|<[^>]*>", "", text).replace("textbar", "")
        for figure in ("98.0", "97.0, 99.0", "1.0500", "1.0400, 1.0600", "0.99900", "21.00", "12.5", "1.2", "25.0", "41.1", "12.3", "77",
                       "88.0", "25.3", "30.1", "20.2"):
            assert figure in flat, (kind, figure)
        assert re.search(r"1.0 ?(\[)?", flat) and ("-2.0, 4.0" in flat or "{-}2.0, 4.0" in text)


def test_what_was_not_measured_has_its_reason_and_no_figure(comparison, tmp_path):
    for kind, text in renderings(comparison, tmp_path).items():
        if kind != ".tex":  # a fragment without notes
            assert WHY in text and "no accelerator" in text and "a busy machine" in text
    assert "12.3 !" in (tmp_path / "quantization.md").read_text()


def test_a_name_is_text_everywhere(comparison, tmp_path):
    found = renderings(comparison, tmp_path)
    assert "int4 &lt;b&gt;&amp;_$1" in found[".html"] and "<b>&" not in found[".html"]
    assert r"\textless{}b\textgreater{}\&\_\$1" in found[".tex"] and r"int4 \<b\>\&\_\$1" in found[".md"]


def test_the_page_is_whole_and_fetches_nothing(comparison, tmp_path):
    page = renderings(comparison, tmp_path)[".html"]
    open_tags = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag != "script" and not any(name == "src" or (name == "href" and not value.startswith("data:")) for name, value in attrs)
            if tag not in ("meta", "link", "line", "path"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_startendtag(self, tag, attrs):
            pass

    Balanced().feed(page)
    assert not open_tags and "prefers-color-scheme: dark" in page and "http" not in page.replace("http-equiv", "")
