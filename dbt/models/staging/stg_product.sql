with base as (
    select * from {{ ref('base_product') }}
),

quarantined as (
    select product_id from {{ ref('quarantine_product') }}
)

select
    product_id,
    sku,
    product_name,
    category,
    subcategory,
    brand,
    list_price,
    unit_cost,
    weight_kg,
    is_active,
    listed_at,
    updated_at
from base
where
    not exists (
        select 1 from quarantined
        where quarantined.product_id = base.product_id
    )
