/* Greets whom an event names. FunctionGraph runs the same file. */

exports.initializer = async (context) => context.getLogger().info("ready to greet");

exports.handler = async (event, context) => {
  const name = (event && event.name) || "world";
  console.log("greeting", name);
  return { message: `${context.getUserData("greeting")} ${name}`, request: context.getRequestID() };
};
