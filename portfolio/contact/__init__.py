"""The contact form, and the signed token that it carries."""
