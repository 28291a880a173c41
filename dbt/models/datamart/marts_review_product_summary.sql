{{ config(cluster_by=['product_id']) }}

with ratings as (
    select
        product_id,
        count(*) as reviews,
        count(distinct customer_id) as reviewers,
        sum(rating) as stars,
        {%- for rating in range(1, 6) %}
        count(case when rating = {{ rating }} then 1 end) as ratings_{{ rating }},
        {%- endfor %}
        count(case when is_verified_purchase then 1 end) as verified_reviews,
        count(case when has_text then 1 end) as reviews_with_text,
        min(day) as first_reviewed_on,
        max(day) as last_reviewed_on
    from {{ ref('fact_review') }}
    group by product_id
),

products as (
    select * from {{ ref('dim_product') }}
)

select
    ratings.product_id,
    products.product_name,
    products.category,
    products.subcategory,
    products.brand,
    ratings.reviews,
    ratings.reviewers,
    {{ ratio('ratings.stars', 'ratings.reviews', 2) }} as average_rating,
    {%- for rating in range(1, 6) %}
    ratings.ratings_{{ rating }},
    {%- endfor %}
    ratings.verified_reviews,
    ratings.reviews_with_text,
    ratings.first_reviewed_on,
    ratings.last_reviewed_on
from ratings
inner join products
    on ratings.product_id = products.product_id
