"""Records sorted by keys."""


def records(n):
    result = []
    seed = 7
    for i in range(n):
        seed = (seed * 1103515245 + 12345) % 2147483648
        result.append({"id": i, "score": seed % 1000, "name": f"n{seed % 97}"})
    return result


def run(n):
    rows = records(n)
    by_score = sorted(rows, key=lambda row: row["score"], reverse=True)
    by_both = sorted(rows, key=lambda row: (row["name"], row["id"]))
    return [by_score[0]["id"], by_both[0]["id"], by_both[n - 1]["id"]]
