"""Lines of the study record go to the cloud only with questions about how the student's own learning goes."""

from __future__ import annotations

import pytest

from pipeline.edge.assistant.cloud_context import about_own_learning


@pytest.mark.parametrize("question", [
    "我最近学得怎么样，帮我制定一个复习计划", "帮我安排复习计划", "根据我的学习情况给点建议", "我的薄弱点怎么补",
    "我线性代数的进度正常吗", "我的错题说明什么问题", "每天只有25分钟，怎么安排学习", "考前一周怎么分配复习时间", "我的正确率怎么提高",
    "我想根据我的学习进度调整一下",
    "我高数掌握得怎么样", "诊断一下我的计算机网络学习情况"])
def test_own_learning(question: str) -> None:
    assert about_own_learning(question)


@pytest.mark.parametrize("question", [
    "我们学习傅里叶变换时为什么要先讲正交性", "我想学习高斯定理怎么证明", "我正在学习高斯定理，它怎么证明", "我们的进度条为什么不动",
    "为什么机器学习方案要分训练集", "我学到高斯定理，为什么电通量与形状无关", "我的模型正确率为什么低", "怎么调整学习率",
    "怎么安排进程的时间片", "推导一下高斯定理",
    "我复习洛必达法则时看到这个极限，怎么求", "为什么深度学习计划任务要分批"])
def test_no_question_of_its_own_learning(question: str) -> None:
    assert not about_own_learning(question)
