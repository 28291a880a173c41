{#- Fails for every changed day (or for the table, where it has no days) of which more than `limit_percent` of the rows of `of`,
and more than `limit_rows` rows, are in this model. -#}
{% test stays_small(model, of, by_day, limit_percent=5, limit_rows=10) %}
with quarantined as (
    select
        {{ 'day' if by_day else "'all'" }} as part,
        count(*) as quarantined_rows
    from {{ model }}
    {{ 'where ' ~ in_changed_days('day') if by_day }}
    group by 1
),

everything as (
    select
        {{ 'day' if by_day else "'all'" }} as part,
        count(*) as all_rows
    from {{ of }}
    {{ 'where ' ~ in_changed_days('day') if by_day }}
    group by 1
)

select
    quarantined.part,
    quarantined.quarantined_rows,
    everything.all_rows
from quarantined
inner join everything
    on quarantined.part = everything.part
where
    quarantined.quarantined_rows > {{ limit_rows }}
    and quarantined.quarantined_rows * 100 > everything.all_rows * {{ limit_percent }}
{% endtest %}
