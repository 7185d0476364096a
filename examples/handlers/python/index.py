"""Greets whom an event names. FunctionGraph runs the same file."""


def initializer(context):
    context.getLogger().info("ready to greet")


def handler(event, context):
    name = event.get("name", "world") if isinstance(event, dict) else "world"
    print("greeting", name)
    return {"message": f"{context.getUserData('greeting')} {name}", "request": context.getRequestID()}
