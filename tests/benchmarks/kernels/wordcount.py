"""Words counted in a dict."""


TEXT = (
    "it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness "
    "it was the epoch of belief it was the epoch of incredulity it was the season of light it was the season of dark"
)


def count_words(text, counts):
    for word in text.split():
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1


def run(n):
    counts = {}
    for _ in range(n):
        count_words(TEXT, counts)
    return counts
