{#-
Exact arithmetic that gives the same digits on every warehouse. Dividing decimals would not: DuckDB answers with a
double, BigQuery with nine rounded digits. So amounts are divided as whole numbers of cents.
-#}

{#- An expression as a whole number wide enough for the product of two amounts in cents. -#}
{% macro wide(expression) -%}
    cast({{ expression }} as {{ adapter.dispatch('type_wide')() }})
{%- endmacro %}

{% macro default__type_wide() -%}
    hugeint
{%- endmacro %}

{% macro bigquery__type_wide() -%}
    numeric
{%- endmacro %}

{#- The whole part of dividend / divisor; both wide, neither negative. -#}
{% macro whole_division(dividend, divisor) -%}
    {{- adapter.dispatch('whole_division')(dividend, divisor) -}}
{%- endmacro %}

{% macro default__whole_division(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{% macro bigquery__whole_division(dividend, divisor) -%}
    {#- Parentheses and floor change nothing on BigQuery. The emulator that tests it needs both. -#}
    floor(div(({{ dividend }}), ({{ divisor }})))
{%- endmacro %}

{#- numerator / denominator, rounded half up to `digits` digits; null where the denominator is 0. Neither is negative,
and the numerator has at most `digits` digits after the point. -#}
{% macro ratio(numerator, denominator, digits) -%}
    {%- set scaled = wide('(' ~ numerator ~ ') * ' ~ 10 ** digits) -%}
    {%- set rounded = whole_division('2 * ' ~ scaled ~ ' + (' ~ denominator ~ ')', '2 * ' ~ wide(denominator)) -%}
    case
        when ({{ denominator }}) > 0
            then cast(cast({{ rounded }} as {{ type_decimal(18, 0) }}) * {{ '%.*f' % (digits, 10 ** -digits) }} as {{ type_decimal(18, digits) }})
    end
{%- endmacro %}

{#- The part of `amount` that falls on the first `reached` of `total` (> 0), in whole cents. Neighbouring lines that each
take the difference of two such parts add up to the amount exactly. -#}
{% macro share_up_to(amount, reached, total) -%}
    {%- set cents = whole_division(
        wide(amount ~ ' * 100') ~ ' * ' ~ wide('(' ~ reached ~ ') * 100'), wide(total ~ ' * 100')
    ) -%}
    {{ money('cast(' ~ cents ~ ' as ' ~ type_decimal(18, 0) ~ ') * 0.01') }}
{%- endmacro %}
