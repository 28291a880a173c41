"""Google Cloud without an account: what `make test` and `make run-cloud` speak to.

Two emulators from PyPI do most of it: bqemulator (BigQuery on DuckDB) and gcp-storage-emulator. Both differ from
Google's services in places where Tillroll relies on the service. Those places are corrected here, in the launchers,
and nowhere else: the product is written for Google, and what it sends is the same in both places. Each correction says
in one line what the emulator does and what the service does; each has a test in tests/contract/test_emulators.py.
"""
