"""Shapes and types of what is sent and answered, by family. The rules stay in the domain."""
