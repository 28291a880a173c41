-- Between staging and core, no row and no cent is lost or doubled.
select *
from {{ ref('core_equality') }}
where value <> expected
