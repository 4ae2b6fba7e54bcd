"""Registered models: looked at, promoted, rolled back."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Path, Request
from pydantic import Field

from pipeline.service.access import needs
from pipeline.service.problems import told
from pipeline.service.registered import Models
from pipeline.service.schemas import Change, Envelope, Model, Version
from pipeline.service.techniques import Asked
from pipeline.service.tokens import Holder

router = APIRouter(prefix="/models", tags=["models"], responses=told("409 422"))
Reader = Annotated[Holder, needs("read")]
Deployer = Annotated[Holder, needs("deploy")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["intent-int8"])]
Alias = Literal["champion", "challenger"]


class Deployment(Asked):
    """Which version gets the alias."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    alias: Alias = "champion"


class Rollback(Asked):
    """Which alias goes back to where it was."""

    alias: Alias = "champion"


@router.get("", response_model=Envelope[list[Model]])
def models(request: Request, by: Reader) -> Envelope[list[Model]]:
    """Every model with its versions, the newest first."""
    return Envelope[list[Model]](data=_models(request).all())


@router.get("/{name}", response_model=Envelope[Model], responses=told("404"))
def model(request: Request, by: Reader, name: Name) -> Envelope[Model]:
    """One model: versions with lineage, verdicts and aliases."""
    return Envelope[Model](data=_models(request).model(name))


@router.post("/{name}/deploy", response_model=Envelope[Version], responses=told("400 404 413"))
def deploy(request: Request, by: Deployer, name: Name,
           asked: Annotated[Deployment, Body(examples=[{"version": 2, "alias": "champion"}])]) -> Envelope[Version]:
    """Promote a version whose gate is green."""
    return Envelope[Version](data=_models(request).deploy(name, asked.version, asked.alias, by.name), message="deployed")


@router.post("/{name}/rollback", response_model=Envelope[Version], responses=told("400 404 413"))
def rollback(request: Request, by: Deployer, name: Name,
             asked: Annotated[Rollback, Body(examples=[{"alias": "champion"}])] = Rollback()) -> Envelope[Version]:  # noqa: B008 - frozen
    """The alias back to the version before."""
    return Envelope[Version](data=_models(request).rollback(name, asked.alias, by.name), message="rolled back")


@router.get("/{name}/audit", response_model=Envelope[list[Change]], responses=told("404"))
def audit(request: Request, by: Reader, name: Name) -> Envelope[list[Change]]:
    """Who did what, when."""
    return Envelope[list[Change]](data=_models(request).audit(name))


def _models(request: Request) -> Models:
    found: Models = request.app.state.models
    return found
