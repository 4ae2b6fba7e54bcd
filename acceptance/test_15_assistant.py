"""Phase 15: what the learning assistant understands; all but its data is judged where --assistant asks for it."""

import pytest

from pipeline.data.assistant.validate import validate_samples
from pipeline.measure.accuracy import accuracy
from pipeline.measure.agreement import agreement
from pipeline.measure.convergence import loss_left
from pipeline.measure.data_findings import data_findings
from pipeline.measure.decisions import decide_all, queries_of
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.routing import routing
from pipeline.measure.tracking import tracking


@pytest.mark.claim("assistant.data")
def test_the_data_is_fit_for_use(check, assistant_data):
    check(data_findings(assistant_data, validate_samples))


@pytest.mark.claim("assistant.converged")
def test_training_came_to_rest(check, task_classifiers):
    check(loss_left(task_classifiers.trained))


@pytest.mark.claim("assistant.task")
def test_the_task_is_told(check, task_decisions, asked_tasks):
    check(accuracy(task_decisions, asked_tasks))


@pytest.mark.claim("assistant.routing")
def test_the_route_is_right(check, task_decisions, asked_tasks):
    check(routing(task_decisions, asked_tasks))


@pytest.mark.claim("assistant.onnx_agreement")
def test_onnx_agrees_with_torch(check, decide_once, task_torch, task_onnx, asked_tasks):
    torch, onnx = (decide_once(route, queries_of(asked_tasks)) for route in (task_torch, task_onnx))
    check(agreement(torch, onnx))


@pytest.mark.claim("assistant.mlx_accuracy_loss")
def test_four_bits_keep_the_tasks(check, executes, decide_once, request, asked_tasks):
    executes("mlx")
    some = asked_tasks[::2]  # as many as the target asks: on the CPU, MLX takes tens of milliseconds for one
    torch = decide_once(request.getfixturevalue("task_torch"), queries_of(asked_tasks)).among(queries_of(some))
    check(paired_accuracy(torch, decide_all(request.getfixturevalue("task_mlx"), queries_of(some)), some))


@pytest.mark.claim("assistant.tracking")
def test_what_is_said_of_ones_learning_is_kept_and_told(check, assistant, assistant_challenge, course_names):
    check(tracking(assistant_challenge, course_names))
