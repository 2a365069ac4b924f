"""The train graph: services as rails, time from left to right, each saga a trace across them.

`model` reads events into journeys, `layout` places them, `svg` writes them down,
`draw` reads the journal and puts the three together. The first two know neither
Django nor a database; `static/kit/train-graph-model.js` does the same in the
browser, and one fixture holds both to the same answer.
"""
