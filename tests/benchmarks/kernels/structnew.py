"""Structs made in a loop."""

from dataclasses import dataclass


@dataclass(slots=True)
class Point:
    x: int
    y: int
    label: str = "p"


def run(n):
    points = []
    for i in range(n):
        points.append(Point(x=i, y=i * 2))
    far = Point(x=0, y=0)
    for p in points:
        far = Point(x=p.x, y=p.y, label="far")
    return [far.x, far.y, len(points)]
