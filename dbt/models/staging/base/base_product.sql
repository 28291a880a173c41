with renamed as (
    select
        product_id,
        sku,
        product_name,
        category,
        subcategory,
        brand,
        {{ money('list_price') }} as list_price,
        {{ money('unit_cost') }} as unit_cost,
        weight_kg,
        is_active,
        created_at as listed_at,
        updated_at
    from {{ source('staging', 'product') }}
)

select
    *,
    case
        when list_price < 0 or unit_cost < 0 then 'negative price or cost'
    end as broken_rule
from renamed
