"""The servers below the platform, each a private instance on 127.0.0.1."""
