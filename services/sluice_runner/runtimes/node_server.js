/* The server of a Node.js function: calls its handler for `POST /invoke`, its initializer for `POST /init`, its pre-stop hook at SIGTERM.
 *
 * Node.js reads this from its standard input, where the function's code is the working directory. It keeps to what version 12 knows.
 */
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");
const { pathToFileURL } = require("url");

const ROOT = process.cwd();
const SUFFIXES = [".js", ".cjs", ".mjs"];
const NO_MODULE = new Set(["ERR_REQUIRE_ESM", "ERR_REQUIRE_ASYNC_MODULE"]);
const environment = process.env;
const userData = JSON.parse(environment.RUNTIME_USERDATA);

/* Lines with a time, the request and a level. */
class Logger {
  constructor(requestId) {
    for (const level of ["debug", "info", "warn", "error"]) {
      this[level] = (message) => process.stdout.write(`${new Date().toISOString()} ${requestId} ${level.toUpperCase()} ${message}\n`);
    }
    this.warning = this.warn;
  }
}

/* What a handler is told besides the event, by the names of FunctionGraph. */
class Context {
  constructor(headers) {
    const began = process.hrtime.bigint();
    const header = (name) => (headers["x-cff-" + name] === "null" ? "" : headers["x-cff-" + name] || "");
    const logger = new Logger(header("request-id"));
    const timeout = Number(environment.RUNTIME_TIMEOUT);
    this.getRequestID = () => header("request-id");
    this.getRemainingTimeInMilliSeconds = () => Math.max(0, timeout * 1000 - Number((process.hrtime.bigint() - began) / 1000000n));
    this.getRunningTimeInSeconds = () => timeout;
    this.getAccessKey = () => header("access-key");
    this.getSecretKey = () => header("secret-key");
    this.getSecurityAccessKey = () => header("security-access-key");
    this.getSecuritySecretKey = () => header("security-secret-key");
    this.getSecurityToken = () => header("security-token");
    this.getToken = () => header("auth-token");
    this.getUserData = (key, otherwise = null) => (Object.prototype.hasOwnProperty.call(userData, key) ? userData[key] : otherwise);
    this.getFunctionName = () => environment.RUNTIME_FUNC_NAME;
    this.getVersion = () => environment.RUNTIME_FUNC_VERSION;
    this.getAlias = () => (header("origin-version-tag").startsWith("!") ? header("origin-version-tag").slice(1) : "");
    this.getPackage = () => environment.RUNTIME_PACKAGE;
    this.getProjectID = () => environment.RUNTIME_PROJECT_ID;
    this.getMemorySize = () => Number(environment.RUNTIME_MEMORY);
    this.getCPUNumber = () => Number(environment.RUNTIME_CPU);
    this.getLogger = () => logger;
  }
}

async function load(file) {
  try {
    return require(file);
  } catch (error) {
    if (!NO_MODULE.has(error.code) && !file.endsWith(".mjs")) throw error;
    return import(pathToFileURL(file).href);
  }
}

/* The function that an environment variable names as file.function; null if it names none. */
async function named(variable) {
  const name = environment[variable] || "";
  if (name === "") return null;
  const dot = name.lastIndexOf(".");
  const [file, exported] = [name.slice(0, dot), name.slice(dot + 1)];
  const found = SUFFIXES.map((suffix) => path.join(ROOT, file + suffix)).find((each) => fs.existsSync(each));
  if (found === undefined) throw new Error(`${name}: there is no ${SUFFIXES.map((suffix) => file + suffix).join(", ")}`);
  const module = await load(found);
  const named = module[exported] || (module.default || {})[exported];
  if (typeof named !== "function") throw new Error(`${name}: ${path.basename(found)} exports no function ${exported}`);
  return named;
}

/* What `hook` returns, promises, or gives to its callback, which is its last argument. A hook that does neither has no end: it is up to
 * the platform's timeout. */
function called(hook, ...given) {
  return new Promise((resolve, reject) => {
    const callback = (error, value) => (error ? reject(error) : resolve(value));
    const returned = hook(...given, callback);
    const waits = hook.length > given.length && returned === undefined;
    if (!waits) resolve(returned);
  });
}

function parsed(body) {
  if (body.length === 0) return null;
  const text = body.toString();
  try {
    return JSON.parse(text);
  } catch (_) {
    return text;
  }
}

/* A text as it is, anything else as JSON. */
function written(result) {
  if (Buffer.isBuffer(result) || typeof result === "string") return result;
  const text = JSON.stringify(result === undefined ? null : result);
  if (text === undefined) throw new TypeError(`a ${typeof result} is not serializable`);
  return text;
}

/* An error for whoever called; its trace goes to the log too. */
function told(error) {
  const known = error instanceof Error;
  process.stderr.write((known ? error.stack : String(error)) + "\n");
  return JSON.stringify({
    errorMessage: known ? error.message : typeof error === "string" ? error : JSON.stringify(error),
    errorType: known ? error.name : typeof error,
    stackTrace: known ? String(error.stack).split("\n") : [],
  });
}

function bodyOf(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => resolve(Buffer.concat(parts)));
    request.on("error", reject);
  });
}

async function main() {
  const handler = await named("RUNTIME_HANDLER");
  const initializer = await named("RUNTIME_INITIALIZER_HANDLER");
  const preStop = await named("RUNTIME_PRESTOP_HANDLER");

  const routes = {
    "POST /invoke": async (request, body) => written(await called(handler, parsed(body), new Context(request.headers))),
    "POST /init": async (request) => {
      if (initializer !== null) await called(initializer, new Context(request.headers));
      return "";
    },
  };

  async function answer(request, response) {
    const body = await bodyOf(request);
    const route = routes[`${request.method} ${request.url}`];
    let [status, text] = [404, ""];
    if (route !== undefined) {
      try {
        [status, text] = [200, await route(request, body)];
      } catch (error) {
        [status, text] = [500, told(error)];
      }
    }
    response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
    response.end(text);
  }

  process.on("SIGTERM", async () => {
    try {
      if (preStop !== null) await called(preStop, new Context({}));
    } catch (error) {
      told(error);
    }
    process.exit(0);
  });
  const server = http.createServer((request, response) => answer(request, response).catch(() => response.destroy()));
  // Connections are the platform's, which keeps and closes them.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.timeout = 0;
  server.listen(Number(environment.PORT || 8000), "127.0.0.1");
}

main().catch((error) => {
  told(error);
  process.exit(1);
});
