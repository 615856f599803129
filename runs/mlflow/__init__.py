"""MLflow's tracking protocol: MLflow clients log here unmodified."""
