select
    payment_method_id,
    payment_method_name,
    payment_type,
    provider,
    cast(fee_percent as {{ type_decimal(6, 3) }}) as fee_percent,
    is_active,
    created_at,
    updated_at
from {{ source('staging', 'payment_method') }}
