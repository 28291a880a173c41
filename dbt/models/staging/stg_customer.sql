select
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    gender,
    birth_date,
    segment,
    signup_channel,
    street,
    city,
    region,
    postal_code,
    country_code,
    marketing_opt_in as has_marketing_consent,
    created_at as signed_up_at,
    updated_at
from {{ source('staging', 'customer') }}
