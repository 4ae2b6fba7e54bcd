"""The application: routes, errors, and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.middleware import Middleware
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from pipeline.edge.door import read_limits
from pipeline.edge.listen import names_of
from pipeline.edge.loopback import is_loopback
from pipeline.service import engine
from pipeline.service.access import Access, needs
from pipeline.service.executors import Executors
from pipeline.service.guard import Guard
from pipeline.service.jobs import JobList
from pipeline.service.metrics import Metrics
from pipeline.service.problems import add_handlers, told
from pipeline.service.rate import Rate
from pipeline.service.registered import Models
from pipeline.service.routes import compression, jobs, models, searches
from pipeline.service.schemas import Envelope, Health
from pipeline.service.settings import Settings
from pipeline.service.tokens import Tokens

PREFIX = "/api/v1/compression"
PAGE = Path(__file__).parent / "page"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Security-Policy": POLICY}
SAYS = """Compression as a service: jobs that build models, their registry, and finished searches.

Every answer is `{status, data, message}`; every error is a problem (RFC 9457) with the same three keys."""


def make_app(settings: Settings) -> FastAPI:
    """The ASGI application on the settings' database; it runs no job itself.  EdgeError where the database cannot be reached."""
    engine.prepare(settings)
    client = engine.client(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        client.destroy()

    limits = read_limits().model_copy(update={"longest_body": settings.longest_body})
    app = FastAPI(title="edge api", version="1", description=SAYS, lifespan=life, docs_url=None, redoc_url=None, redirect_slashes=False,
                  middleware=[Middleware(Guard, limits=limits, hosts=names_of(settings.host))])
    app.state.settings, app.state.models = settings, Models(settings)
    app.state.jobs = JobList(client, settings.waiting)
    app.state.access = Access(Tokens(settings.token_file), Rate(settings.rate, settings.burst), is_loopback(settings.host))
    add_handlers(app)
    for group in (compression, jobs, models, searches):
        app.include_router(group.router, prefix=PREFIX)
    _add_own(app, Executors(settings.state, settings.database))
    if PAGE.is_dir():
        app.router.routes.append(_Page("/", StaticFiles(directory=PAGE, html=True), name="page"))
    return app


class _Page(Mount):
    """The files at the root, for what no route is about: a route that is asked by a wrong method says 405 itself."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return Match.PARTIAL if match is Match.FULL else match, child


def _add_own(app: FastAPI, executors: Executors) -> None:
    """Health, metrics, and what every answer carries."""
    kept = Metrics(app.state.jobs, executors, app.state.settings.reports / "drift")

    @app.get(f"{PREFIX}/health", include_in_schema=False)
    @app.get("/health", tags=["service"], response_model=Envelope[Health], responses={503: {"model": Envelope[Health]}})
    def health(response: Response) -> Envelope[Health]:
        """Whether the database answers, and how many workers of this host live.  Needs no token: a supervisor asks it."""
        found = Health(database=app.state.jobs.check(), workers=executors.living())
        response.status_code = 200 if found.database else 503
        return Envelope[Health](data=found)

    @app.get(f"{PREFIX}/metrics", include_in_schema=False, dependencies=[needs("read")])
    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse, responses=told(""),
             dependencies=[needs("read")])
    def metrics() -> Response:
        """For Prometheus."""
        return Response(kept.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.middleware("http")
    async def harden(request: Request, call: Any) -> Response:
        answer: Response = await call(request)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer
