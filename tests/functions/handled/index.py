"""Handlers that do what their event says: the same as index.js."""

import os
import time

STARTED = []


def initializer(context):
    if os.environ.get("FAIL_INIT"):
        raise RuntimeError("the initializer fails")
    STARTED.append(context.getRequestID())


def handler(event, context):
    return DO[event["do"]](event, context) if isinstance(event, dict) and "do" in event else {"got": event}


def pre_stop(context):
    print("stopping", context.getFunctionName())


def tell(event, context):
    return {
        "request": context.getRequestID(),
        "remaining": context.getRemainingTimeInMilliSeconds(),
        "timeout": context.getRunningTimeInSeconds(),
        "function": context.getFunctionName(),
        "version": context.getVersion(),
        "alias": context.getAlias(),
        "package": context.getPackage(),
        "project": context.getProjectID(),
        "memory": context.getMemorySize(),
        "cpu": context.getCPUNumber(),
        "user": context.getUserData("COLOUR"),
        "none": context.getUserData("NONE"),
        "default": context.getUserData("NONE", "grey"),
        "keys": [context.getSecurityAccessKey(), context.getSecuritySecretKey(), context.getSecurityToken(), context.getToken()],
        "old_keys": [context.getAccessKey(), context.getSecretKey()],
        "started": STARTED,
    }


def fail(event, context):
    raise ValueError("it fails: ☃")


def log(event, context):
    print("printed ☃")
    context.getLogger().info("logged ☃")


def leave(event, context):
    os.sys.exit(3)


def sleep(event, context):
    began = time.time()
    time.sleep(event["s"])
    return [began, time.time()]


def odd(event, context):
    return object


def text(event, context):
    return "a text"


DO = {"tell": tell, "fail": fail, "log": log, "leave": leave, "sleep": sleep, "odd": odd, "text": text}
