{{ replaced_by_day(cluster_by=['session_id']) }}

select
    *,
    broken_rule as quarantine_reason
from {{ ref('base_session') }}
where
    broken_rule is not null
    and {{ only_changed_days('day') }}
