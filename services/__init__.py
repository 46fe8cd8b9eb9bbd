"""The four services. Each owns its Postgres schema; none imports another; events couple them."""
