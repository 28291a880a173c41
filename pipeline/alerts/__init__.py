"""Alerts: a `Failure` is composed into a message, and the message is sent. Knows nothing of Airflow."""
