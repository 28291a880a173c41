"""PostgreSQL → lake → warehouse, proven equal at every step.

Read the modules in the order of the story: settings, catalog, column_types, fingerprint, snapshot, plan, extract, lake,
manifest, load, audit, ledger, warehouse, transform, report.
"""
