{{ replaced_by_day(cluster_by=['review_id']) }}

with judged as (
    select
        *,
        {{ missing_parent('review') }} as missing_parent
    from {{ ref('base_review') }}
    where {{ only_changed_days('day') }}
)

select
    *,
    coalesce(broken_rule, missing_parent) as quarantine_reason
from judged
where coalesce(broken_rule, missing_parent) is not null
