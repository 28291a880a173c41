{#- A from-item with one row per day, in its column `day`, from `first` to `last`, both columns of earlier from-items. -#}
{% macro each_day(first, last) -%}
    {{- adapter.dispatch('each_day')(first, last) -}}
{%- endmacro %}

{% macro default__each_day(first, last) -%}
    unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day)) as days (day)
{%- endmacro %}

{% macro bigquery__each_day(first, last) -%}
    unnest(generate_date_array({{ first }}, {{ last }})) as day
{%- endmacro %}

{#- The UTC day of an instant. On BigQuery a condition on date(instant) skips the partitions of other days; one on a cast
reads them all. -#}
{% macro utc_day(instant) -%}
    {{- adapter.dispatch('utc_day')(instant) -}}
{%- endmacro %}

{% macro default__utc_day(instant) -%}
    cast({{ instant }} as date)
{%- endmacro %}

{% macro bigquery__utc_day(instant) -%}
    date({{ instant }}, 'UTC')
{%- endmacro %}

{#- 1 for Monday to 7 for Sunday. 1900-01-01 was a Monday; BigQuery numbers weekdays another way. -#}
{% macro iso_day_of_week(day) -%}
    {%- set since_monday = dbt.datediff("date '1900-01-01'", day, 'day') -%}
    mod({{ since_monday }}, 7) + 1
{%- endmacro %}
