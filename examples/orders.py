"""Use Dana modules like Python modules: trusted code, plain functions, no conversion."""

from dana_modules.pricing import Order, offer, price

order = Order(
    customer="Ann",
    items=[{"name": "gear", "price": 45.0, "quantity": 2}, {"name": "bolt", "price": 0.5, "quantity": 40}],
)
print(offer(order))
order.country = "us"
print(price(order))
