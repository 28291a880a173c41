"""The dashboard: what is published, as people look at it, on the laptop and in Looker Studio."""
