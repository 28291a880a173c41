"""What the DAG files wire together, and how the command line talks to Airflow. The only place that knows Airflow.

Only `wiring`, `step_task` and `component` import Airflow itself: the command line starts fast, and makes no ~/airflow.
"""
