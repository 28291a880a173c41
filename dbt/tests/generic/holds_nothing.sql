{#- Fails for every row. -#}
{% test holds_nothing(model) %}
select * from {{ model }}
{% endtest %}
