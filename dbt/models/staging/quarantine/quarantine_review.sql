{{ replaced_by_day(cluster_by=['review_id']) }}

select
    *,
    broken_rule as quarantine_reason
from {{ ref('base_review') }}
where
    broken_rule is not null
    and {{ only_changed_days('day') }}
