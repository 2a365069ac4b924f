"""Visitors' tokens: issued through identity, signed by a key in Vault, refused once revoked."""
