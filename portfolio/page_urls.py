"""URL patterns of the pages, and of the documents that programs read."""

from __future__ import annotations

from django.urls import path

from articles.views import default_card
from portfolio.api import page as api_page
from portfolio.api import tokens
from portfolio.architecture import views as architecture_views
from portfolio.chaos_pages.views import board
from portfolio.contact import views as contact
from portfolio.demos import views as demos
from portfolio.edge import health
from portfolio.lab import views as lab
from portfolio.metrics import views as metrics_views
from portfolio.pages import (
    asyncapi,
    checkouts,
    design,
    home,
    journal,
    owner_pages,
    palette,
    search,
    security_txt,
    sitemap,
)
from portfolio.source import guide
from portfolio.source import views as source_views
from portfolio.traces import views as traces_views

urlpatterns = [
    path("", home.home, name="home"),
    path("events/", journal.events, name="events"),
    path("checkouts/", checkouts.start, name="start-checkout"),
    path("sagas/<uuid:saga_id>/", journal.saga, name="saga"),
    path("traces/<str:trace_id>/", traces_views.trace, name="trace"),
    path("traces/<str:trace_id>/otlp.json", traces_views.otlp, name="trace-otlp"),
    path("architecture/", architecture_views.region, name="architecture"),
    path("architecture/<slug:name>/", architecture_views.node, name="architecture-node"),
    path("lab/", lab.lab, name="lab"),
    path("lab/demos/", demos.index, name="demos"),
    path("lab/demos/<slug:slug>/", demos.demo, name="demo"),
    path("lab/demos/<slug:slug>/runs/", demos.begin, name="demo-begin"),
    path("lab/demos/<slug:slug>/runs/<uuid:run_id>/", demos.run, name="demo-run"),
    path("lab/<slug:name>/", lab.service, name="lab-service"),
    path("work/", owner_pages.work, name="work"),
    path("work/<slug:slug>/", owner_pages.case_study, name="case-study"),
    path("about/", owner_pages.about, name="about"),
    path("contact/", contact.contact, name="contact"),
    path("contact/sent/", contact.sent, name="contact-sent"),
    path("source/", source_views.source, name="source"),
    path("source/heart/", guide.heart, name="heart"),
    path("source/<path:path>", source_views.source, name="source"),
    path("design/", design.design, name="design"),
    path("palette.json", palette.palette, name="palette"),
    path("search/", search.search, name="search"),
    path("card.png", default_card, name="card"),
    path("sitemap.xml", sitemap.sitemap, name="sitemap"),
    path("robots.txt", sitemap.robots, name="robots"),
    path("api/", api_page.page, name="api-page"),
    path(".well-known/jwks.json", tokens.keys, name="jwks"),
    path(".well-known/security.txt", security_txt.security_txt, name="security-txt"),
    path("asyncapi.json", asyncapi.asyncapi, name="asyncapi"),
    path("status.json", board.status, name="status"),
    path("metrics", metrics_views.metrics, name="metrics"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
