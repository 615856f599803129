"""The version, where the package, its metadata and the transport read it."""

VERSION = "0.1.0"
