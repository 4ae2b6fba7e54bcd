"""The page in a real browser."""

from __future__ import annotations

import httpx
import pytest

from pipeline.edge.cloud_stand_in import answer_to
from pipeline.edge.gateway.cloud import Cloud
from pipeline.edge.gateway.flow import Flow
from pipeline.measure.page import Asked, no_browser, visit
from tests.gateway.conftest import SHORT
from tests.gateway.device import TableDevice, served

HOSTILE = "为什么 <img src=x onerror=alert(1)> </p><script>alert(2)</script> & \"' 是这样"


@pytest.fixture
def page(stand_in):
    cloud = Cloud(stand_in.url, "stand-in", None, SHORT)
    with served(Flow(TableDevice(), cloud)) as url:
        yield url.removesuffix("v1")
    cloud.close()


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_the_page_shows_answers_routes_and_times(page, stand_in, tmp_path):
    asked = [Asked("成都天气怎么样"), Asked("那上海呢"), Asked("三百五加一百二"), Asked(HOSTILE), Asked("为什么我睡不着", local_only=True)]
    shown, errors = visit(page, asked, tmp_path / "page.png")
    weather, leaning, sum_, hostile, kept = shown
    assert errors == []
    assert (sum_.answer, sum_.route, sum_.kind) == ("350 + 120 = 470", "设备回答", "local")
    assert "依据：把握足够" in sum_.facts and "意图：简单问答（把握 97 %）" in sum_.facts and "工具：calculate" in sum_.facts
    assert all(f"{step} " in sum_.times for step in ("识别意图", "选择工具", "设备作答", "合计"))
    assert "天气数据源" in weather.answer and "理解为：上海天气怎么样" in leaning.facts
    assert (hostile.answer, hostile.route, hostile.kind) == (answer_to(HOSTILE), "云端回答", "cloud")
    assert "云端 " in hostile.times and "知识问答" in hostile.facts
    assert kept.route == "设备回答" and "只在设备上" in kept.facts and "睡不着".encode() not in stand_in.memory.received
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_the_page_says_what_went_wrong(page, stand_in):
    stand_in.memory.fault, stand_in.memory.times = "500", 3
    shown, _ = visit(page, [Asked("为什么天是蓝的"), Asked("为什么海是咸的")])
    assert (shown[0].route, shown[0].kind) == ("云端未答完", "local") and "云端：failing" in shown[0].facts
    assert shown[1].answer == answer_to("为什么海是咸的")


def test_the_page_stands_alone_and_may_do_little(page):
    answer = httpx.get(page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "connect-src 'self'" in policy
    assert "http://" not in answer.text and "https://" not in answer.text and "innerHTML" not in answer.text
    assert " style=" not in answer.text and "onclick" not in answer.text
