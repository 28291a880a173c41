select
    store_id,
    store_name,
    store_type,
    city,
    region,
    country_code,
    latitude,
    longitude,
    opened_on,
    is_active,
    created_at,
    updated_at
from {{ source('staging', 'store') }}
