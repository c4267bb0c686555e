"""Call a Dana function from Python, in a context of its own that may do nothing but compute."""

from opendxa.dana import DanaContext, DanaRuntime

# Initialize Dana runtime
runtime = DanaRuntime()

# Create execution context
with runtime.create_context() as ctx:
    # Load Dana module
    math_utils = ctx.import_module("math_utils")

    # Call Dana function
    result = math_utils.calculate_area(width=10, height=5)

    # Access result
    area = result.as_float()

    assert isinstance(ctx, DanaContext)
    print(f"area: {area}")
    circle = math_utils.Circle(radius=2)
    print(f"circle: {circle} has {circle.area():.2f}, both: {math_utils.total_area([circle, circle]):.2f}")
