{#-
Incremental by changed partition. `transform` passes the days whose published fingerprints differ from those the models
were last built from; a model replaces these days whole, also those that became empty, and touches no other.
-#}

{#- The days as literals, or none for every day. An empty list becomes a day that no shop has seen: `in ()` is no SQL, and
dbt-bigquery takes an empty list of partitions for "find out yourself".
They come from the environment, for dbt parses the whole project again when a variable of its command line differs, and a
file when it read another value at parsing. So they are read at parsing only where the result depends on them. -#}
{% macro changed_day_literals(at_parsing=false) -%}
    {%- set days = var('changed_days') -%}
    {%- if days is none and (execute or at_parsing) -%}
        {%- set days = fromjson(env_var('TILLROLL_DBT_CHANGED_DAYS', 'null')) -%}
    {%- endif -%}
    {%- if days is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set literals = [] -%}
    {%- for day in (days or ['0001-01-01']) | sort -%}
        {%- do literals.append("date '" ~ modules.datetime.date.fromisoformat(day).isoformat() ~ "'") -%}
    {%- endfor -%}
    {{- return(literals) -}}
{%- endmacro %}

{#- A condition that holds for the rows of changed days. The outer bounds let every engine skip the other partitions. -#}
{% macro in_changed_days(day) -%}
    {%- set literals = changed_day_literals() -%}
    {%- if literals is none -%}
        true
    {%- else -%}
        {{ day }} between {{ literals | first }} and {{ literals | last }} and {{ day }} in ({{ literals | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{#- The same inside a model: every row when the model is built from nothing. -#}
{% macro only_changed_days(day) -%}
    {{- in_changed_days(day) if is_incremental() else 'true' -}}
{%- endmacro %}

{#- Configures a model that has one partition per value of its column `day`. -#}
{% macro replaced_by_day(cluster_by) -%}
    {{- adapter.dispatch('replaced_by_day')(cluster_by) -}}
{%- endmacro %}

{% macro default__replaced_by_day(cluster_by) -%}
    {{- config(materialized='incremental', incremental_strategy='replace_days', on_schema_change='fail') -}}
{%- endmacro %}

{% macro bigquery__replaced_by_day(cluster_by) -%}
    {{-
        config(
            materialized='incremental',
            incremental_strategy='insert_overwrite',
            partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'day'},
            partitions=changed_day_literals(at_parsing=true),
            cluster_by=cluster_by,
            on_schema_change='fail',
        )
    -}}
{%- endmacro %}

{#- DuckDB's strategy `replace_days`. dbt's own delete+insert deletes only what the new rows name, and so keeps the old
rows of a day that became empty. -#}
{% macro get_incremental_replace_days_sql(arguments) -%}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arguments['target_relation'] }} where {{ in_changed_days('day') }};
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }};
{%- endmacro %}

{#- A test with `where: in changed days` looks at the changed days of the model's column `day`, so that its cost follows
the change too. (dbt renders no macro in a test's `where`.) -#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- if where == 'in changed days' -%}
        {%- set where = in_changed_days('day') -%}
    {%- endif -%}
    {{- return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as tested' if where else relation) -}}
{%- endmacro %}
