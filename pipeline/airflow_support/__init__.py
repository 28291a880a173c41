"""What the DAG files wire together: chain, pools, days, failure callback. The only place that knows Airflow.

`chain`, `pools`, `api` and `runs` do not import Airflow, so that the command line starts fast and touches no AIRFLOW_HOME.
"""
