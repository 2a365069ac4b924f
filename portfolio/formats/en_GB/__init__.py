"""Django looks for a language's formats in a package of its name."""
