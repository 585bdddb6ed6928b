// JSON requests to our own server, with the CSRF token of the page and errors that can be shown.

export class ApiError extends Error {
  constructor(message, { status = 0, code = "network" } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

async function fetchOrExplain(url, options) {
  try {
    return await fetch(url, { credentials: "same-origin", ...options });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError("MaxSight could not be reached. Check the connection and try again.");
  }
}

async function explain(response) {
  if (response.status === 401 || response.redirected) {
    return new ApiError("You are logged out. Log in again.", { status: 401, code: "signed_out" });
  }
  const body = await response.json().catch(() => null);
  const error = body?.error ?? body ?? {};
  const message = error.message ?? `MaxSight answered with error ${response.status}. Try again.`;
  return new ApiError(message, { status: response.status, code: error.code ?? `http_${response.status}` });
}

/** GET of JSON. */
export async function getJson(url, { signal } = {}) {
  const response = await fetchOrExplain(url, { headers: { Accept: "application/json" }, signal });
  if (!response.ok || response.redirected) throw await explain(response);
  return response.json();
}

/** POST (or PUT, DELETE) of JSON; the answer's JSON, or null when it has no body. */
export async function postJson(url, body, { method = "POST", signal } = {}) {
  const response = await fetchOrExplain(url, {
    method,
    signal,
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });
  if (!response.ok || response.redirected) throw await explain(response);
  return response.status === 204 ? null : response.json();
}

/** POST of JSON that is answered with bytes (audio); an ArrayBuffer. */
export async function postForBytes(url, body, { signal } = {}) {
  const response = await fetchOrExplain(url, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });
  if (!response.ok || response.redirected) throw await explain(response);
  return response.arrayBuffer();
}
