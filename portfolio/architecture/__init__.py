"""The architecture canvas: every process and link of the platform, drawn with what is measured."""
