// The service over HTTP: the token of this tab, answers in their envelope, events as they come.

const PREFIX = "/api/v1/compression";
const KEY = "edge-api-token";

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: value => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** What the service refused: `code` of HTTP, 0 where it did not answer at all. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function headers(more = {}) {
  return {Accept: "application/json", ...more, ...(token.get() && {Authorization: `Bearer ${token.get()}`})};
}

async function open(path, options) {
  let response;
  try {
    response = await fetch(path, {...options, headers: headers(options.headers), cache: "no-store"});
  } catch {
    throw new Refused(0, options.signal?.aborted ? "stopped" : "the service does not answer; it is asked again");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new Refused(response.status, problem?.message ?? `${response.status} ${response.statusText}`);
}

export const get = async path => (await (await open(PREFIX + path, {})).json()).data;

export async function post(path, body, more = {}) {
  const options = {method: "POST", body: JSON.stringify(body ?? {}), headers: {"Content-Type": "application/json", ...more}};
  return (await (await open(PREFIX + path, options)).json()).data;
}

export const schemas = async () => (await (await open("/openapi.json", {})).json()).components.schemas;

export const health = async () => (await (await open("/health", {})).json()).data;

/** What a stream of server-sent events tells, one JSON value an event, until it ends. */
export async function* events(path, signal) {
  const response = await open(PREFIX + path, {headers: {Accept: "text/event-stream"}, signal});
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "";;) {
    const {value, done} = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

/** For an Idempotency-Key: sent twice it is one job. */
export const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
