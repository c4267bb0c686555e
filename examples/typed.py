"""A typed Python function whose work a Dana function does."""

import os

from opendxa.dana import dana_function

folder = os.path.dirname(os.path.abspath(__file__))


@dana_function("analytics.process_data", allowed_capabilities=[f"file_read:{folder}"])
def process_data(data_path: str) -> dict:
    """This decorator handles Dana function invocation."""


result = process_data(f"{folder}/data.csv")
print(result["count"], result["mean"])
