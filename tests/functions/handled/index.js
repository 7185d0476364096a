/* Handlers that do what their event says: the same as index.py. */
const started = [];

exports.initializer = (context, callback) => {
  if (process.env.FAIL_INIT) return callback(new Error("the initializer fails"));
  started.push(context.getRequestID());
  callback(null, "");
};

exports.handler = async (event, context) => (event && event.do ? actions[event.do](event, context) : { got: event });

exports.pre_stop = async (context) => console.log("stopping", context.getFunctionName());

exports.called_back = (event, context, callback) => {
  setTimeout(() => (event.fail ? callback(new TypeError("it fails: ☃")) : callback(null, { got: event })), 1);
};

const actions = {
  tell: (event, context) => ({
    request: context.getRequestID(),
    remaining: context.getRemainingTimeInMilliSeconds(),
    timeout: context.getRunningTimeInSeconds(),
    function: context.getFunctionName(),
    version: context.getVersion(),
    alias: context.getAlias(),
    package: context.getPackage(),
    project: context.getProjectID(),
    memory: context.getMemorySize(),
    cpu: context.getCPUNumber(),
    user: context.getUserData("COLOUR"),
    none: context.getUserData("NONE"),
    default: context.getUserData("NONE", "grey"),
    keys: [context.getSecurityAccessKey(), context.getSecuritySecretKey(), context.getSecurityToken(), context.getToken()],
    old_keys: [context.getAccessKey(), context.getSecretKey()],
    started,
  }),
  fail: () => {
    throw new ValueError("it fails: ☃");
  },
  log: (event, context) => {
    console.log("printed ☃");
    context.getLogger().info("logged ☃");
  },
  leave: () => process.exit(3),
  sleep: async (event) => {
    const began = Date.now() / 1000;
    await new Promise((resolve) => setTimeout(resolve, event.s * 1000));
    return [began, Date.now() / 1000];
  },
  odd: () => () => 1,
  text: () => "a text",
};

class ValueError extends Error {
  constructor(message) {
    super(message);
    this.name = "ValueError";
  }
}
