"""The addresses of the write-ups."""

from __future__ import annotations

from django.urls import path

from articles import feeds, views

app_name = "articles"
urlpatterns = [
    path("", views.article_list, name="list"),
    path("feed.atom", feeds.atom, name="feed-atom"),
    path("feed.json", feeds.json_feed, name="feed-json"),
    path("tags/<slug:slug>/", views.tag, name="tag"),
    path("series/<slug:slug>/", views.series, name="series"),
    path("<slug:slug>/", views.article, name="article"),
    path("<slug:slug>/card.png", views.card, name="card"),
    path("<slug:slug>/revisions/", views.revisions, name="revisions"),
    path("<slug:slug>/revisions/<int:number>/", views.revision, name="revision"),
]
