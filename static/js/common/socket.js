// One Socket.IO connection that speaks protocol version 1 (docs/protocol.md).
import { io } from "../../vendor/socket.io-client/socket.io.esm.min.js";

export const PROTOCOL_VERSION = 1;
const ANSWER_TIMEOUT_MS = 8000;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 4000; // a walking person must not wait half a minute for sight

/** An `{ok: false, error}` answer, or no answer at all (code "timeout" or "offline"). */
export class ProtocolError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

export class Connection {
  /**
   * @param {{onState?: (state: "connecting"|"connected"|"lost"|"refused", detail: string) => void,
   *          url?: string, options?: object}} [setup]
   */
  constructor({ onState = () => {}, url, options = {} } = {}) {
    this.state = "connecting";
    this.onState = onState;
    this.socket = io(url ?? window.location.origin, {
      transports: ["websocket"],
      reconnectionDelay: RECONNECT_FIRST_MS,
      reconnectionDelayMax: RECONNECT_MAX_MS,
      ...options,
    });
    this.socket.on("connect", () => this.#set("connected", ""));
    this.socket.on("disconnect", (reason) => this.#lost(reason));
    this.socket.on("connect_error", (error) => this.#failed(error));
  }

  get connected() {
    return this.socket.connected;
  }

  /** Resolves when there is a connection: at once, or within `timeoutMs`; false when none came or it was refused. */
  whenConnected(timeoutMs = ANSWER_TIMEOUT_MS) {
    if (this.connected) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (result) => {
        clearTimeout(timer);
        this.socket.off("connect", came);
        resolve(result);
      };
      const came = () => settle(true);
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.socket.on("connect", came);
      if (this.state === "refused") settle(false);
    });
  }

  #set(state, detail) {
    this.state = state;
    this.onState(state, detail);
  }

  #lost(reason) {
    this.#set("lost", reason);
    // The server closed the connection itself: the library would not come back alone.
    if (reason === "io server disconnect") this.socket.connect();
  }

  #failed(error) {
    // An inactive socket was refused by the server (signed out, too many): retrying alone cannot help.
    if (this.socket.active) this.#set("lost", error.message);
    else this.#set("refused", error.message);
  }

  /** Sends without waiting for an answer. `bytes` travel as binary. Nothing is queued while offline. */
  send(event, payload = {}, bytes) {
    if (!this.connected) return false;
    const message = { v: PROTOCOL_VERSION, ...payload };
    if (bytes === undefined) this.socket.emit(event, message);
    else this.socket.emit(event, message, bytes);
    return true;
  }

  /** Sends and waits for `{ok: true, ...}`; throws ProtocolError otherwise. */
  async request(event, payload = {}, { timeoutMs = ANSWER_TIMEOUT_MS } = {}) {
    if (!this.connected) {
      throw new ProtocolError("offline", "There is no connection to MaxSight. It is trying again by itself.");
    }
    let answer;
    try {
      answer = await this.socket.timeout(timeoutMs).emitWithAck(event, { v: PROTOCOL_VERSION, ...payload });
    } catch {
      throw new ProtocolError("timeout", `MaxSight did not answer within ${timeoutMs / 1000} seconds. Try again.`);
    }
    if (answer?.ok) return answer;
    const { code = "bad_answer", message = "MaxSight gave an answer that this page does not understand." } = answer?.error ?? {};
    throw new ProtocolError(code, message);
  }

  /** Listens to an event; the returned function stops listening. */
  on(event, handler) {
    this.socket.on(event, handler);
    return () => this.socket.off(event, handler);
  }

  close() {
    this.socket.close();
  }
}
