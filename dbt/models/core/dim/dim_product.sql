{{ config(cluster_by=['product_id']) }}

with products as (
    select * from {{ ref('stg_product') }}
),

-- A product in quarantine keeps its sales: it stays here without the numbers that cannot be.
quarantined as (
    select * from {{ ref('quarantine_product') }}
),

members as (
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
        false as is_quarantined,
        listed_at,
        updated_at
    from products
    union all
    select
        product_id,
        sku,
        product_name,
        category,
        subcategory,
        brand,
        cast(null as {{ type_decimal(18, 2) }}) as list_price,
        cast(null as {{ type_decimal(18, 2) }}) as unit_cost,
        weight_kg,
        is_active,
        true as is_quarantined,
        listed_at,
        updated_at
    from quarantined
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
    cast(weight_kg as {{ type_decimal(18, 3) }}) as weight_kg,
    is_active,
    is_quarantined,
    listed_at,
    updated_at
from members
