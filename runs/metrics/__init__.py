"""
The metric store. `points` reads what clients send; `segments` appends it; `folding` turns segments into chunks; `series`
reads and thins; `summaries` says what lists show. `columns`, `packing`, `pyramid` hold points as arrays; `keys` interns
names; `coalescing` draws a request together for the summaries; `writer` groups commits.
"""
