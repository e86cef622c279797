"""The generator of the demo: pure, deterministic for a day and a seed, without Django's models."""

from portal.demo.generator.build import digest, generate

__all__ = ["digest", "generate"]
