"""What the tables of dashboards must say, asked of PostgreSQL itself: the shop's own rows, in the shop's own words.

Each question is asked of the readers' copy and of the source, in plain SQL that shares nothing with dbt's models; and
it comes with something that happens in the source, which must change the answer.
"""

from dataclasses import dataclass
from typing import Any

import duckdb
from psycopg import Cursor


@dataclass(frozen=True)
class Question:
    """The same question in DuckDB's SQL and in PostgreSQL's, and a change of the source that it notices."""

    page: str
    of_page: str
    of_source: str
    fault: str

    def said(self, marts: str) -> list[tuple[Any, ...]]:
        """The answer of the copy that people read."""
        with duckdb.connect(marts, read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return sorted(connection.execute(self.of_page).fetchall(), key=repr)

    def true(self, source: Cursor[Any]) -> list[tuple[Any, ...]]:
        """The answer of the source as it is now."""
        source.execute("set local timezone = 'UTC'; set local search_path = ecommerce")
        return sorted(source.execute(self.of_source.encode()).fetchall(), key=repr)


MONEY = (
    "coalesce(sum(o.total_amount), 0), coalesce(sum(o.total_amount) filter (where status = 'paid'), 0), "
    "coalesce(sum(o.total_amount) filter (where status = 'refunded'), 0)"
)
SUMS = "sum(orders)::bigint, sum(units)::bigint, sum(gross_amount), sum(revenue), sum(refunds)"
UNITS = (
    "(select transaction_id, sum(quantity)::bigint as units from transaction_item group by 1) u using (transaction_id)"
)
REFUND = (
    "update ecommerce.transaction set status = 'refunded' where transaction_id = "
    "(select min(transaction_id) from ecommerce.transaction where status = 'paid')"
)

QUESTIONS = (
    Question(
        "bi_sales",
        f"select day, store_id, channel, segment, {SUMS} from bi_sales where orders > 0 group by all",
        "select o.created_at::date, o.store_id, o.channel, c.segment, count(*), sum(units)::bigint, "
        f"{MONEY} from transaction o join customer c using (customer_id) join {UNITS} group by 1, 2, 3, 4",
        "update ecommerce.customer set segment = 'moved' where customer_id = (select min(customer_id) "
        "from ecommerce.transaction)",
    ),
    Question(
        "bi_sales: visits",
        "select day, store_id, channel, segment, sum(sessions)::bigint, sum(sessions_with_order)::bigint "
        "from bi_sales where sessions > 0 group by all",
        "select s.created_at::date, s.store_id, s.channel, coalesce(segment, 'visitor'), count(*), "
        "count(*) filter (where exists (select from transaction o where o.session_id = s.session_id)) "
        "from session s left join customer using (customer_id) group by 1, 2, 3, 4",
        "update ecommerce.session set customer_id = null where session_id = (select min(session_id) "
        "from ecommerce.session where customer_id is not null)",
    ),
    Question(
        "bi_products",
        "select day, product_id, store_id, channel, orders, units, discount_amount, paid_units, paid_line_amount, "
        "margin_amount, average_rating, reviews from bi_products",
        "select o.created_at::date, product_id, store_id, channel, count(distinct transaction_id), "
        "sum(quantity)::bigint, sum(discount_amount), "
        "coalesce(sum(quantity) filter (where status = 'paid'), 0)::bigint, "
        "coalesce(sum(line_amount) filter (where status = 'paid'), 0), "
        "coalesce(sum(line_amount - quantity * unit_cost) filter (where status = 'paid'), 0.00), "
        "(select round(avg(rating), 2) from review r where r.product_id = i.product_id), "
        "(select count(*) from review r where r.product_id = i.product_id) "
        "from transaction o join transaction_item i using (transaction_id) join product p using (product_id) "
        "group by 1, i.product_id, 3, 4",
        "update ecommerce.review set rating = 1 + rating % 5 where review_id = (select min(review_id) from "
        "ecommerce.review join ecommerce.transaction_item using (product_id))",
    ),
    Question(
        "bi_customers",
        "select transaction_id, day, customer_id, segment, order_number, is_first_order, days_since_previous_order, "
        "day_of_week, day_name, hour, lines, units, gross_amount, discount_amount, basket_size from bi_customers",
        "select o.transaction_id, o.created_at::date, customer_id, c.segment, row_number() over earlier, "
        "row_number() over earlier = 1, o.created_at::date - lag(o.created_at::date) over earlier, "
        "extract(isodow from o.created_at)::int, to_char(o.created_at, 'FMDay'), extract(hour from o.created_at)::int, "
        "lines, units, total_amount, discounts, case when units < 5 then units::text else '5+' end "
        "from transaction o join customer c using (customer_id) join (select transaction_id, count(*) as lines, "
        "sum(quantity)::bigint as units, sum(discount_amount) as discounts from transaction_item group by 1) u "
        "using (transaction_id) window earlier as (partition by customer_id order by o.created_at, o.transaction_id)",
        "update ecommerce.transaction set created_at = created_at - interval '40 days' where transaction_id = (select "
        "max(transaction_id) from ecommerce.transaction)",
    ),
    Question(
        "bi_payments",
        f"select day, payment_method_id, store_id, channel, {SUMS}, sum(fee_amount) from bi_payments group by all",
        "select o.created_at::date, payment_method_id, store_id, channel, count(*), sum(units)::bigint, "
        f"{MONEY}, coalesce(sum(o.total_amount * fee_percent / 100) filter (where status = 'paid'), 0) "
        f"from transaction o join payment_method m using (payment_method_id) join {UNITS} group by 1, 2, 3, 4",
        "update ecommerce.payment_method set fee_percent = fee_percent + 0.001",
    ),
    Question(
        "bi_channels",
        "select day, store_id, channel, device, traffic_source, orders, units, gross_amount, revenue, refunds "
        "from bi_channels where orders > 0",
        "select o.created_at::date, o.store_id, o.channel, device, traffic_source, count(*), sum(units)::bigint, "
        f"{MONEY} from transaction o join session s using (session_id) join {UNITS} group by 1, 2, 3, 4, 5",
        REFUND,
    ),
    Question(
        "bi_channels: visits",
        "select day, store_id, city, country_code, channel, device, traffic_source, sessions, sessions_with_order, "
        "page_views, duration_seconds from bi_channels where sessions > 0",
        "select s.created_at::date, store_id, city, p.country_code, s.channel, device, traffic_source, count(*), "
        "count(*) filter (where exists (select from transaction o where o.session_id = s.session_id)), "
        "sum(page_views)::bigint, "
        "sum(extract(epoch from date_trunc('second', ended_at) - date_trunc('second', s.created_at)))::bigint "
        "from session s join store p using (store_id) group by 1, 2, 3, 4, 5, 6, 7",
        "update ecommerce.session set ended_at = ended_at + interval '1 second' where session_id = (select "
        "min(session_id) from ecommerce.session)",
    ),
    Question(
        "bi_health",
        "select table_name, day, source_rows, warehouse_rows from bi_health where is_equal and source_rows > 0",
        " union all ".join(
            [
                *(
                    f"select '{table}', created_at::date, count(*), count(*) from {table} group by 2"
                    for table in ("session", "transaction", "transaction_item", "review")
                ),
                *(
                    f"select '{table}', null, count(*), count(*) from {table}"
                    for table in ("customer", "product", "payment_method", "store")
                ),
            ]
        ),
        "delete from ecommerce.review where review_id = (select max(review_id) from ecommerce.review)",
    ),
)
