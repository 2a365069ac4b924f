"""The architecture plan: every process and link of the platform, with measured numbers."""
