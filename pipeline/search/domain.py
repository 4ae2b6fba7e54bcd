"""What one setting may be: a value, one of several, or a number in a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from optuna import Trial

Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = bool | int | float | str | None


class Range(BaseModel):
    """From the one to the other, both included; whole numbers where both ends are.  step: the distance, 1 of whole numbers if not said."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    low: int | Number = Field(alias="from")
    high: int | Number = Field(alias="to")
    step: int | Number | None = Field(None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"expected from below to, found {self.low} and {self.high}")
        if self.log and (self.step is not None or self.low <= 0):
            raise ValueError("expected log without a step, from above 0")
        return self

    @property
    def whole(self) -> bool:
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))


Domain = Range | list[Scalar] | Scalar


def choose(trial: Trial, name: str, domain: Domain) -> Any:
    """The value that a trial draws; no parameter where there is nothing to choose."""
    if isinstance(domain, Range):
        if domain.whole:
            return trial.suggest_int(name, int(domain.low), int(domain.high), step=int(domain.step or 1), log=domain.log)
        return round(trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log), 6)
    if isinstance(domain, list):
        return trial.suggest_categorical(name, domain)
    return domain


def examples(domain: Domain) -> list[Any]:
    """Values that stand for all of them: the ends of a range, every choice."""
    return [domain.low, domain.high] if isinstance(domain, Range) else domain if isinstance(domain, list) else [domain]


def holds(domain: Domain, value: Any) -> bool:
    """Whether the domain has this value."""
    if not isinstance(domain, Range):
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in examples(domain))
    if isinstance(value, bool) or not isinstance(value, int | float) or not domain.low <= value <= domain.high:
        return False
    steps = (value - domain.low) / (domain.step or 1)
    return domain.step is None and not domain.whole or abs(steps - round(steps)) < 1e-6


def searched(domain: Domain) -> bool:
    """Whether it is a parameter: there is more than one value."""
    return isinstance(domain, Range | list)
