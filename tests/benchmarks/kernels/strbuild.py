"""Text grown by +, cut, joined and replaced."""


def caesar(text, shift):
    letters = "abcdefghijklmnopqrstuvwxyz"
    result = ""
    for c in text:
        at = letters.find(c)
        if at >= 0:
            result = result + letters[(at + shift) % 26]
        else:
            result = result + c
    return result


def run(n):
    text = "the quick brown fox jumps over the lazy dog"
    for i in range(n):
        text = caesar(text, i % 26)
        if text.startswith("t"):
            text = text.upper().lower().replace("q", "q")
    return text
