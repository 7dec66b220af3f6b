// Requests to the API.

/** The root of the API: the script is at `_live/live.js` below it. */
const ROOT = new URL('..', import.meta.url);

/** Time without an answer to `GET /` after which the service counts as gone. */
const PATIENCE = 10_000;

/** The same for other answers: the API gives up a read after 30 seconds. Profiles take longer. */
const LONG_PATIENCE = 35_000;

/** An answer of the API that is an error: the request was wrong, or must not be made. */
class ApiError extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** What an error means to a person. */
const explain = error =>
  error instanceof ApiError ? error.message : 'The service does not answer: ' + error.message;

/** The URL of a path with parameters; those without a value are left out. */
function apiUrl(path, params = {}) {
  const url = new URL(path.replace(/^\//, ''), ROOT);
  for (const [name, value] of Object.entries(params)) {
    if (value !== '' && value != null && value !== false) url.searchParams.set(name, value);
  }
  return url;
}

async function send(method, url, { body, patience = LONG_PATIENCE, signal } = {}) {
  const signals = [AbortSignal.timeout(patience), ...(signal ? [signal] : [])];
  const response = await fetch(url, {
    method,
    body: body && JSON.stringify(body),
    headers: body ? { 'Content-Type': 'application/json' } : {},
    signal: AbortSignal.any(signals),
  });
  if (response.ok) return response;
  const text = await response.text();
  throw new ApiError(response.status, reasonOf(text) ?? `${response.status} ${text}`);
}

/** The sentence of an error. */
function reasonOf(text) {
  try {
    return JSON.parse(text).error.reason;
  } catch {
    return undefined;
  }
}

async function getJson(path, params, options) {
  const response = await send('GET', apiUrl(path, params), options);
  return response.json();
}

async function getText(path, params, options) {
  const response = await send('GET', apiUrl(path, params), options);
  return response.text();
}

/** The rows of a table, and the number of all rows. */
async function getRows(path, params, options) {
  const response = await send('GET', apiUrl(path, { ...params, format: 'json' }), options);
  const rows = await response.json();
  return { rows, total: Number(response.headers.get('x-total-count') ?? rows.length) };
}

/** The same request as a command, from the machine of this browser. */
function curlLine(method, url, body) {
  const parts = ['curl', ...(method === 'GET' ? [] : ['-X', method]), quoted(url.href)];
  if (body)
    parts.push('-H', quoted('Content-Type: application/json'), '-d', quoted(JSON.stringify(body)));
  return parts.join(' ');
}
