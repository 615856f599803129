"""Runs that were logged elsewhere, brought to a server: one file a source, one for sending, one for progress."""
