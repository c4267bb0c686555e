"""A policy from a file, an audit of what was needed, and a replay without files and model, as a test would do it."""

import os
import tempfile

from opendxa.dana import DanaAudit, DanaPolicy, DanaRuntime

os.chdir(os.path.dirname(os.path.abspath(__file__)))
runtime = DanaRuntime()
policy = DanaPolicy.load("policy.toml")
program = """
from metrics import calculate_metrics
count = calculate_metrics(data=load_csv("data.csv"))["count"]
llm("Praise " + count + " people in two words.")
"""


def model(prompt: str, options: dict[str, object]) -> str:
    """Stands for a service that costs money."""
    return f"{prompt.split()[1]} cheers!"


with tempfile.TemporaryDirectory() as folder:
    recording = os.path.join(folder, "run.jsonl")
    audit = DanaAudit()
    with runtime.create_context(policy=policy, llm=model, audit=audit, record=recording) as ctx:
        print("asked:   ", ctx.run_dana(program))
    with runtime.create_context(policy=policy, replay=recording) as ctx:
        print("replayed:", ctx.run_dana(program))

print("needed:  ", [text.replace(os.getcwd(), ".") for text in audit.policy().allowed_capabilities])
