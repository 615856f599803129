"""Private in v1, and the one place from which scripts could take `ServiceException`."""
