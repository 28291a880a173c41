with renamed as (
    select
        table_name,
        {{ adapter.quote('partition') }} as partition_label,
        {{ adapter.quote('rows') }} as published_rows,
        checksum,
        run_day,
        published_at
    from {{ source('staging', '_ledger') }}
)

select
    table_name,
    partition_label,
    published_rows,
    checksum,
    run_day,
    published_at,
    cast(nullif(partition_label, 'whole') as date) as day
from renamed
