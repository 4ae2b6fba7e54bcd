"""Phase 9: data, device, gateway, cloud and client together."""

import pytest

from pipeline.measure import end_to_end as measure
from pipeline.measure.client_cases import ask_cases, not_forwarded, unanswered
from pipeline.measure.page import Asked, look, no_browser


@pytest.fixture(scope="module")
def rows(joint, client_cases):
    return ask_cases(joint.client, client_cases, joint.heard)


@pytest.fixture(scope="module")
def held(joint, scenarios):
    return measure.talk(joint.client, scenarios, joint.artifacts, joint.conditions)


@pytest.mark.claim("client.answered")
def test_every_case_is_answered(check, joint, rows):
    check(unanswered(rows, joint.artifacts, joint.conditions))


@pytest.mark.claim("client.forwarded")
def test_complex_reasoning_is_forwarded(check, joint, rows):
    check(not_forwarded(rows, joint.artifacts, joint.conditions))


@pytest.mark.claim("end_to_end.p95")
def test_end_to_end(check, held):
    check(measure.end_to_end(held))


def test_the_conversations_beside_the_targets(check, held):
    for name, title, caption, measurement in (
        ("routing", "turns of the conversations that go where they should", "多轮场景的路由准确率", measure.rightly_routed(held)),
        ("edge_share", "turns of the conversations that the device answers", "多轮场景的端侧处理比例", measure.kept_on_the_device(held)),
        ("rewriting", "questions made whole word for word as the scenario says", "多轮场景的问题补全一致率", measure.understood(held))):
        if measurement.outcomes:
            check.observe(f"joint.{name}", title, caption, "9 joint", measurement)


@pytest.mark.skipif(bool(no_browser()), reason=no_browser())
def test_the_page_in_a_browser(check, joint, client_cases, settings):
    of = {case.id: case.query for case in client_cases}
    asked = [Asked(of["time-1"]), Asked(of["simple-1"]), Asked(of["reasoning-2"]), Asked(of["chat-1"], local_only=True)]
    seen = look(joint.url, asked, settings.reports / "page.png", joint.artifacts)
    check.observe("joint.page", "mistakes on the gateway's page", "网关页面的错误数", "9 joint", seen)
    assert not seen.details["errors"]
