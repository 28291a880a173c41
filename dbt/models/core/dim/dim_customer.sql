{{ config(cluster_by=['customer_id']) }}

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
    has_marketing_consent,
    signed_up_at,
    {{ utc_day('signed_up_at') }} as signed_up_on,
    updated_at
from {{ ref('stg_customer') }}
