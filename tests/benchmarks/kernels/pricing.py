"""Business rules: customers, products, discounts in dicts."""


def discount(customer, quantity, month):
    rate = 0.0
    if customer["level"] == "gold":
        rate = 0.15
    elif customer["level"] == "silver":
        rate = 0.08
    if quantity >= 100:
        rate += 0.05
    elif quantity >= 20:
        rate += 0.02
    if customer["years"] > 5 and month == 12:
        rate += 0.03
    return min(rate, 0.2)


def price(customer, product, quantity, month):
    base = product["price"] * quantity
    reduced = base * (1.0 - discount(customer, quantity, month))
    if customer["country"] in ["de", "fr", "it"]:
        reduced = reduced * 1.19
    if not product["in_stock"] and quantity > 10:
        reduced += 25
    return round(reduced, 2)


def run(n):
    customers = [
        {"name": "Ann", "level": "gold", "years": 7, "country": "de"},
        {"name": "Bob", "level": "silver", "years": 2, "country": "us"},
        {"name": "Cy", "level": "none", "years": 9, "country": "fr"},
    ]
    products = [
        {"name": "bolt", "price": 0.25, "in_stock": True},
        {"name": "gear", "price": 17.5, "in_stock": False},
    ]
    total = 0.0
    for i in range(n):
        total += price(customers[i % 3], products[i % 2], i % 150, i % 12 + 1)
    return round(total, 2)
