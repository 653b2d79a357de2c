"""The only place that knows about generations of pip."""
