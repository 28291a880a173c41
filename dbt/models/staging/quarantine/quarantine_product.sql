{{ config(materialized='table') }}

select
    *,
    broken_rule as quarantine_reason
from {{ ref('base_product') }}
where broken_rule is not null
