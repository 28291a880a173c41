select
    payment_method_id,
    payment_method_name,
    payment_type,
    provider,
    fee_percent,
    is_active,
    updated_at
from {{ ref('stg_payment_method') }}
