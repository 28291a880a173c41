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
    {{ first_broken([
        ("list_price >= 0 and unit_cost >= 0", 'negative price or cost'),
    ]) }} as broken_rule
from renamed
