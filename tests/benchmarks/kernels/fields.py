"""Fields read and written on one struct passed around."""

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    owner: str
    balance: int
    moves: int


def deposit(account, amount):
    account.balance = account.balance + amount
    account.moves += 1


def withdraw(account, amount):
    if account.balance >= amount:
        account.balance = account.balance - amount
        account.moves += 1
        return True
    return False


def run(n):
    account = Account(owner="ann", balance=100, moves=0)
    refused = 0
    for i in range(n):
        deposit(account, i % 10)
        if not withdraw(account, i % 13):
            refused += 1
    return [account.balance, account.moves, refused]
