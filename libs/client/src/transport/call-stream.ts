import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { StreamedAnswer } from '@syncline/contracts';
import { WebSocket } from 'ws';

const CONNECT_TIMEOUT_MS = 2_000;
/** A long call leaves at once, so that the node works on it meanwhile; short ones wait for the end of the turn. */
const LONG_CALL = 2_000;
/** Length at which gathered calls leave; at most three times as many bytes, below what a node takes in one message. */
const MAX_GATHERED = 100_000;
/** Calls that are longer have a connection of their own, so that short ones do not wait behind them. */
const MAX_CALL = 200_000;
/** Most calls under way: fewer than a node takes. */
const MAX_CALLS = 512;
/** With more than this unread by the node, in bytes, other calls go by themselves. */
const MAX_UNREAD_BYTES = 1_048_576;
/** Close code of a node that shuts down: it did not begin with any call that it has not answered. */
const GOING_AWAY = 4_001;

/** Status of a call that was cancelled before it came to its end. */
export const CANCELLED = 499;

/** What becomes of a call. */
export interface CallReceiver {
  answered(answer: StreamedAnswer): void;
  /** @param begun false: the call had no effect */
  lost(why: string, begun: boolean): void;
}

/**
 * Calls to a node over one WebSocket, many at a time: those of one turn of the event loop leave in one message, and
 * each is answered as soon as it ends. Costs client and node much less than a request each.
 */
export class CallStream {
  /**
   * By id. An object: what once stood in a map that entries come and go in is kept until V8 collects all garbage, since
   * each table of such a map that grew out of use points to the next one.
   */
  private readonly calls: Record<number, CallReceiver> = Object.create(null);
  private underWay = 0;
  private readonly webSocket: WebSocket;
  private connection: Socket | undefined;
  private gathered: string[] = [];
  private length = 0;
  private lastId = 0;
  private retired = false;
  /** Resolves when it is open, or was not opened. */
  readonly decided: Promise<void>;
  /** Of the handshake: the node's id, and the id under which it logs this stream. */
  nodeId: string | undefined;
  requestId: string | undefined;

  /**
   * @param url     of the node
   * @param headers sent with the handshake: they count for all calls
   * @param onEnd   called once it ended; `opened`: whether it ever was of use
   */
  constructor(url: string, headers: Record<string, string>, onEnd: (opened: boolean) => void) {
    this.webSocket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/v1/calls`, {
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
      // A stream that nobody waits for keeps no process alive.
      if (this.underWay === 0) this.connection?.unref();
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
      this.underWay = 0;
      onEnd(opened);
      decide();
      for (const [, receiver] of lost) receiver.lost(why, code !== GOING_AWAY);
    });
  }

  get isOpening(): boolean {
    return !this.retired && this.webSocket.readyState === WebSocket.CONNECTING;
  }

  /** Whether it takes this call now: it is open, and has room. */
  takes(body: string): boolean {
    const { webSocket } = this;
    return (
      !this.retired &&
      webSocket.readyState === WebSocket.OPEN &&
      body.length <= MAX_CALL &&
      this.underWay < MAX_CALLS &&
      webSocket.bufferedAmount <= MAX_UNREAD_BYTES
    );
  }

  /**
   * @param body JSON
   * @returns `cancel` ends the call: its answer is then {@link CANCELLED}, unless it had come to its end before;
   *          `forget` ends it and leaves it: its receiver hears no more of it
   */
  call(path: string, body: string, receiver: CallReceiver): { cancel: () => void; forget: () => void } {
    this.lastId += 1;
    const id = this.lastId;
    if (this.underWay === 0) this.connection?.ref();
    this.calls[id] = receiver;
    this.underWay += 1;
    this.send(`{"id":${id},"path":${JSON.stringify(path)},"body":${body}}`);
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

  /** Takes no more calls, and ends when those that are under way have ended. */
  retire(): void {
    this.retired = true;
    if (this.underWay === 0) this.end();
  }

  /** Ends at once; calls that are under way are lost. */
  end(): void {
    this.webSocket.terminate();
  }

  private receive(data: Buffer): void {
    let answers: StreamedAnswer[];
    try {
      answers = JSON.parse(data.toString());
    } catch {
      // No node speaks so.
      this.end();
      return;
    }
    for (const answer of answers) {
      const receiver = this.calls[answer.id];
      // Its caller may have given up meanwhile.
      if (receiver === undefined) continue;
      this.forget(answer.id);
      receiver.answered(answer);
    }
  }

  private forget(id: number): void {
    delete this.calls[id];
    this.underWay -= 1;
    if (this.underWay > 0) return;
    if (this.retired) this.end();
    else this.connection?.unref();
  }

  private send(text: string): void {
    if (this.gathered.length === 0) process.nextTick(() => this.flush());
    this.gathered.push(text);
    this.length += text.length;
    if (text.length >= LONG_CALL || this.length >= MAX_GATHERED) this.flush();
  }

  private flush(): void {
    const { gathered, webSocket } = this;
    if (gathered.length === 0) return;
    this.gathered = [];
    this.length = 0;
    if (webSocket.readyState === WebSocket.OPEN) webSocket.send(`[${gathered.join(',')}]`);
  }
}
