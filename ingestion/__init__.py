"""A shop to practise on: Faker and NumPy fill a PostgreSQL. Any real shop replaces this package."""
