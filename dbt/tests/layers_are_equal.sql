-- No layer loses or doubles a row or a cent.
select *
from {{ ref('layer_equality') }}
where value <> expected
