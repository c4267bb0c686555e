"""What a context may do is what it was given: capabilities, time, memory."""

import os

from opendxa.dana import DanaCapabilityError, DanaRuntime, DanaTimeoutError

folder = os.path.dirname(os.path.abspath(__file__))
runtime = DanaRuntime()

# Nothing is granted: the file cannot be read, and the error says what would allow it.
with runtime.create_context() as ctx:
    try:
        ctx.eval_dana(f"load_csv('{folder}/data.csv')")
    except DanaCapabilityError as error:
        print(f"refused, needs {error.capability}")

# Reading one folder is granted.
with runtime.create_context(allowed_capabilities=[f"file_read:{folder}"], max_memory="100MB") as ctx:
    ctx.eval_dana("from metrics import calculate_metrics")
    print(ctx.eval_dana(f"calculate_metrics(data=load_csv('{folder}/data.csv'))"))

# Half a second for each call is all there is.
with runtime.create_context(timeout="500ms") as ctx:
    try:
        ctx.eval_dana("while true:\n    pass")
    except DanaTimeoutError:
        print("stopped")
