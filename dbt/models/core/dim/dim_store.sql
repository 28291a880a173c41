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
    updated_at
from {{ ref('stg_store') }}
