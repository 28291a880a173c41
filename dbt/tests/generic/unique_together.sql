{#- Fails for every combination of the columns that more than one row has. -#}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
