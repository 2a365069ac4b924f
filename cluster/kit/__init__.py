"""The parts of every app's pages: shell, tokens of design, train graph, event table."""
