"""The laptop's servers: PostgreSQL, an inbox and Airflow, on 127.0.0.1, with their state under the data folder.

`urls` says where a server is, `postgres` starts the database for one command, `stack` runs all servers under a process
manager. Nothing here is used when the settings name servers of your own.
"""
