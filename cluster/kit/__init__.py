"""What the pages of every app are made of: shell, tokens of design, train graph, event table."""
