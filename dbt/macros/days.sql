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

{#- Whole seconds from one instant to another, as boundaries of seconds between them: both warehouses count so. A project
of BigQuery may have a time zone of its own, whose clocks may change in between. -#}
{% macro seconds_between(first, last) -%}
    {{- adapter.dispatch('seconds_between')(first, last) -}}
{%- endmacro %}

{% macro default__seconds_between(first, last) -%}
    {{- dbt.datediff(first, last, 'second') -}}
{%- endmacro %}

{% macro bigquery__seconds_between(first, last) -%}
    datetime_diff(datetime({{ last }}, 'UTC'), datetime({{ first }}, 'UTC'), second)
{%- endmacro %}

{#- 1 for Monday to 7 for Sunday. 1900-01-01 was a Monday; BigQuery numbers weekdays another way. -#}
{% macro iso_day_of_week(day) -%}
    {%- set since_monday = dbt.datediff("date '1900-01-01'", day, 'day') -%}
    mod({{ since_monday }}, 7) + 1
{%- endmacro %}

{#- The hour of an instant's UTC day, 0 to 23. -#}
{% macro utc_hour(instant) -%}
    {{- adapter.dispatch('utc_hour')(instant) -}}
{%- endmacro %}

{% macro default__utc_hour(instant) -%}
    extract(hour from {{ instant }})
{%- endmacro %}

{% macro bigquery__utc_hour(instant) -%}
    extract(hour from datetime({{ instant }}, 'UTC'))
{%- endmacro %}

{#- The instant at a time of UTC, such as 06:00:00, on the day after `day`. -#}
{% macro on_the_day_after(day, time) -%}
    {{- adapter.dispatch('on_the_day_after')(day, time) -}}
{%- endmacro %}

{% macro default__on_the_day_after(day, time) -%}
    {{ day }} + 1 + time '{{ time }}'
{%- endmacro %}

{% macro bigquery__on_the_day_after(day, time) -%}
    timestamp(datetime(date_add({{ day }}, interval 1 day), time '{{ time }}'), 'UTC')
{%- endmacro %}
