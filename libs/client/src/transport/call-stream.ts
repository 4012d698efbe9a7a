import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { StreamedAnswer } from '@syncline/contracts';
import { WebSocket } from 'ws';
import type { TlsOptions } from './tls.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** Characters. A call of this length is sent at once, so that the node starts on it; shorter ones wait for the turn's end. */
const LONG_CALL = 2_000;
/** Characters. Collected calls are sent at this length: at most three times as many bytes, below the node's limit. */
const MAX_COLLECTED = 100_000;
/** Characters. Longer calls are plain requests, so that short calls do not wait behind them. */
const MAX_CALL = 200_000;
/** Most calls in flight: fewer than a node allows. */
const MAX_CALLS = 512;
/** With more than this many bytes unread by the node, further calls are plain requests. */
const MAX_UNREAD_BYTES = 1_048_576;
/** Close code of a node that shuts down: it did not start any call that it has not answered. */
const GOING_AWAY = 4_001;

/** Status of a call that was cancelled before it ended. */
export const CANCELLED = 499;

/** Gets the outcome of a call. */
export interface CallReceiver {
  answered(answer: StreamedAnswer): void;
  /** @param begun false: the node did not start the call, so it had no effect */
  lost(why: string, begun: boolean): void;
}

/**
 * Calls to a node over one WebSocket, many at a time. The calls of one turn of the event loop are sent in one message,
 * and each is answered as soon as it ends. This costs client and node much less than one request for each call.
 */
export class CallStream {
  /**
   * By id. An object, not a map: V8 keeps the entries of a busy map alive until a full garbage collection, because each
   * outgrown table of the map points to the next one.
   */
  private readonly calls: Record<number, CallReceiver> = Object.create(null);
  private inFlight = 0;
  private readonly webSocket: WebSocket;
  private connection: Socket | undefined;
  private collected: string[] = [];
  private length = 0;
  private lastId = 0;
  private retired = false;
  /** Resolves when the stream is open, or failed to open. */
  readonly decided: Promise<void>;
  /** From the handshake: the node's id, and the id under which it logs this stream. */
  nodeId: string | undefined;
  requestId: string | undefined;

  /**
   * @param url     of the node
   * @param headers sent with the handshake; they apply to all calls
   * @param tls     for a node with `https`
   * @param onEnd   called once, when the stream ended; `opened`: whether it was ever open
   */
  constructor(
    url: string,
    headers: Record<string, string>,
    tls: TlsOptions,
    onEnd: (opened: boolean) => void,
  ) {
    this.webSocket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/v1/calls`, {
      ...tls,
      headers,
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    let opened = false;
    let decide: () => void = () => undefined;
    this.decided = new Promise((resolve) => {
      decide = resolve;
    });
    this.webSocket.on('upgrade', (response: IncomingMessage) => {
      this.connection = response.socket;
      this.nodeId = response.headers['x-node-id']?.toString();
      this.requestId = response.headers['x-request-id']?.toString();
    });
    this.webSocket.on('open', () => {
      opened = true;
      decide();
      // A stream without calls does not keep the process alive.
      if (this.inFlight === 0) this.connection?.unref();
    });
    this.webSocket.on('message', (data: Buffer) => this.receive(data));
    let why = 'ended the connection';
    this.webSocket.on('error', (error) => {
      why = `is not reachable: ${error.message}`;
    });
    this.webSocket.on('close', (code) => {
      this.retired = true;
      const lost = Object.entries(this.calls);
      for (const [id] of lost) delete this.calls[Number(id)];
      this.inFlight = 0;
      onEnd(opened);
      decide();
      for (const [, receiver] of lost) receiver.lost(why, code !== GOING_AWAY);
    });
  }

  get isOpening(): boolean {
    return !this.retired && this.webSocket.readyState === WebSocket.CONNECTING;
  }

  /** Whether the stream takes this call now: it is open and has room. */
  takes(body: string): boolean {
    const { webSocket } = this;
    return (
      !this.retired &&
      webSocket.readyState === WebSocket.OPEN &&
      body.length <= MAX_CALL &&
      this.inFlight < MAX_CALLS &&
      webSocket.bufferedAmount <= MAX_UNREAD_BYTES
    );
  }

  /**
   * @param body JSON
   * @returns `cancel` ends the call: the answer is {@link CANCELLED}, unless the call had already ended;
   *          `forget` ends the call without an answer to its receiver
   */
  call(
    path: string,
    body: string,
    traceparent: string | undefined,
    receiver: CallReceiver,
  ): { cancel: () => void; forget: () => void } {
    this.lastId += 1;
    const id = this.lastId;
    if (this.inFlight === 0) this.connection?.ref();
    this.calls[id] = receiver;
    this.inFlight += 1;
    const traced = traceparent === undefined ? '' : `"traceparent":${JSON.stringify(traceparent)},`;
    this.send(`{"id":${id},"path":${JSON.stringify(path)},${traced}"body":${body}}`);
    const cancel = () => {
      if (this.calls[id] !== undefined) this.send(`{"id":${id},"cancel":true,"tell":true}`);
    };
    const forget = () => {
      if (this.calls[id] === undefined) return;
      this.forget(id);
      this.send(`{"id":${id},"cancel":true}`);
    };
    return { cancel, forget };
  }

  /** Takes no more calls, and ends when the calls in flight have ended. */
  retire(): void {
    this.retired = true;
    if (this.inFlight === 0) this.end();
  }

  /** Ends at once; calls in flight are lost. */
  end(): void {
    this.webSocket.terminate();
  }

  private receive(data: Buffer): void {
    let answers: StreamedAnswer[];
    try {
      answers = JSON.parse(data.toString());
    } catch {
      // Not a Syncline node.
      this.end();
      return;
    }
    for (const answer of answers) {
      const receiver = this.calls[answer.id];
      // The caller may have given up.
      if (receiver === undefined) continue;
      this.forget(answer.id);
      receiver.answered(answer);
    }
  }

  private forget(id: number): void {
    delete this.calls[id];
    this.inFlight -= 1;
    if (this.inFlight > 0) return;
    if (this.retired) this.end();
    else this.connection?.unref();
  }

  private send(text: string): void {
    if (this.collected.length === 0) process.nextTick(() => this.flush());
    this.collected.push(text);
    this.length += text.length;
    if (text.length >= LONG_CALL || this.length >= MAX_COLLECTED) this.flush();
  }

  private flush(): void {
    const { collected, webSocket } = this;
    if (collected.length === 0) return;
    this.collected = [];
    this.length = 0;
    if (webSocket.readyState === WebSocket.OPEN) webSocket.send(`[${collected.join(',')}]`);
  }
}
