"""Sending work: quantize, prune, distill."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Header, Request, Response

from pipeline.service import orders
from pipeline.service.access import needs
from pipeline.service.order import Order
from pipeline.service.problems import told
from pipeline.service.schemas import Envelope, Job
from pipeline.service.techniques import DISTILL, PRUNE, QUANTIZE, Distill, Prune, Quantize
from pipeline.service.tokens import Holder

router = APIRouter(tags=["compression"], responses=told("400 404 409 413 422"))
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$", description=(
    "the same key of the same token gives the same job again, however often it is sent"))]
Submitter = Annotated[Holder, needs("submit")]
ACCEPTED = {"status_code": 202, "response_model": Envelope[Job]}


@router.post("/quantize", **ACCEPTED)
def quantize(request: Request, response: Response, asked: Annotated[Quantize, Body(openapi_examples=QUANTIZE)], by: Submitter,
             key: Key = None) -> Envelope[Job]:
    """Fewer bits: a recipe of the project, steps of one's own, or a method on a directory of weights."""
    return _submitted(request, response, orders.quantize(asked, request.app.state.settings, by.name), key)


@router.post("/prune", **ACCEPTED)
def prune(request: Request, response: Response, asked: Annotated[Prune, Body(openapi_examples=PRUNE)], by: Submitter,
          key: Key = None) -> Envelope[Job]:
    """Fewer weights: layers, heads, channels left out, or single weights set to zero; healed if wished."""
    return _submitted(request, response, orders.prune(asked, request.app.state.settings, by.name), key)


@router.post("/distill", **ACCEPTED)
def distill(request: Request, response: Response, asked: Annotated[Distill, Body(openapi_examples=DISTILL)], by: Submitter,
            key: Key = None) -> Envelope[Job]:
    """A smaller student taught by the whole model."""
    return _submitted(request, response, orders.distill(asked, request.app.state.settings, by.name), key)


def _submitted(request: Request, response: Response, order: Order, key: str | None) -> Envelope[Job]:
    job, new = request.app.state.jobs.submit(order, key)
    response.headers["Location"] = f"/api/v1/compression/jobs/{job.id}"
    return Envelope[Job](data=job, message="queued" if new else "this Idempotency-Key was sent before")
