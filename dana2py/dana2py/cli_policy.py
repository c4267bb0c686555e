"""``dana2py policy``: looking at policies and comparing them.

In: paths of TOML policies. Out: text or JSON on stdout, an exit code. What a policy means is decided in `opendxa.dana`.
"""

from __future__ import annotations

from dana2py.cli_run import read_policy
from dana2py.cli_support import FAILED, FINE, as_json


def show(path: str, json: bool) -> int:
    """Print a policy in full. UsageProblem if it is none."""
    policy = read_policy(path)
    if json:
        keys = ("allowed_capabilities", "timeout", "max_memory", "max_output", "isolation")
        print(as_json({key: getattr(policy, key) for key in keys} | {"modules": dict(policy.modules)}))
    else:
        print(policy.to_toml(), end="")
    return FINE


def diff(before: str, after: str, json: bool) -> int:
    """Print the difference of two policies; exit code 1 if the second allows anything more."""
    found = read_policy(before).diff(read_policy(after))
    if json:
        print(as_json({"widened": found.widened, "narrowed": found.narrowed, "notes": found.notes}))
    else:
        print(found)
    return FAILED if found.widened else FINE
