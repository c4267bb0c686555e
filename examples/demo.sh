#!/usr/bin/env bash
# Shows the examples at work.   usage: demo.sh PYTHON
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"

show() {
    printf '\n$ %s\n' "$*"
    "$python" "${@:2}"
}

echo "Dana from Python, in a context that may only compute (examples/area.py):"
show python area.py
echo
echo "Dana modules imported like Python modules (examples/orders.py):"
show python orders.py
echo
echo "Capabilities and deadlines (examples/limits.py):"
show python limits.py
echo
echo "A policy from a file, an audit, and a replay without files and model (examples/offline.py):"
show python offline.py
echo
echo "A typed Python function that Dana implements (examples/typed.py):"
show python typed.py
echo
echo "A Dana program, its tests, and the Python it becomes:"
show python -m dana2py run report.na
show python -m dana2py test .
show python -m dana2py show dana_modules/math_utils.na
