"""The agent: a process that serves compute targets, executes the runs queued there and tells the server what happens."""
