"""Pipelines are not offered; their names can be imported."""
