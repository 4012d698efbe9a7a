import { EventEmitter, once } from 'node:events';
import type { Logger } from '@nestjs/common';
import {
  CANCELLED,
  callsSchema,
  GOING_AWAY,
  MAX_STREAMED_CALLS,
  type StreamedCalls,
} from '@syncline/contracts';
import { ClientDisconnected, type Drain, ShuttingDown } from '@syncline/runtime';
import type { WebSocket } from 'ws';
import { callerOf } from '../access/caller.js';
import type { HttpMetrics } from '../metrics/http-metrics.js';
import { FINISH_MS, type ServerStop } from '../node/server-stop.js';
import { problemOf, retryAfterOf } from '../problems/problems.js';
import type { Refusals } from '../problems/refusals.js';
import { readJson } from '../request/json.js';
import { readTraceParent } from '../request/trace-parent.js';
import { answerTo, problemTo } from '../tenants/realm.js';
import type { RequestTraces } from '../traces/request-traces.js';
import type { Trail } from '../trail/trail.js';
import { Call, type OpeningRequest } from './call.js';
import type { CallRoute, CallRoutes } from './call-routes.js';

/** While the client has more than this many bytes of answers unread, the node reads no further calls. */
const MAX_UNREAD_BYTES = 1_048_576;
/** How long to wait for the client's close frame. */
const CLOSE_TIMEOUT_MS = 1_000;

/** The services that all streams of a node share. */
export interface CallServices {
  readonly routes: CallRoutes;
  readonly drain: Drain;
  readonly server: ServerStop;
  readonly metrics: HttpMetrics;
  readonly traces: RequestTraces;
  readonly trail: Trail;
  readonly refusals: Refusals;
  readonly logger: Logger;
}

/** The calls of one connection: they run in parallel and are answered in the order in which they end. */
export class CallStream {
  /**
   * By id. An object, because a busy map keeps dead entries alive: see `docs/decisions/garbage.md`.
   */
  private readonly calls: Record<number, Call> = Object.create(null);
  private inFlight = 0;
  private answers: { readonly call: Call; readonly text: string }[] = [];
  private ended = false;
  private readonly idle = new EventEmitter();

  constructor(
    private readonly socket: WebSocket,
    private readonly opening: OpeningRequest,
    private readonly requestId: string,
    private readonly services: CallServices,
  ) {
    socket.on('message', (data: Buffer) => this.take(data));
    socket.on('close', () => {
      for (const call of Object.values(this.calls)) call.abandon();
    });
    // An error also closes the connection, which is handled above.
    socket.on('error', () => undefined);
  }

  /**
   * Ends the stream when its calls are answered. Later calls do not run; {@link GOING_AWAY} tells the client that it can
   * make them at another node.
   */
  async end(): Promise<void> {
    const deadline = AbortSignal.timeout(FINISH_MS);
    while (this.inFlight > 0 && !deadline.aborted) await within(deadline, this.idle, 'idle');
    this.ended = true;
    this.flush();
    if (this.inFlight === 0 && this.socket.readyState === this.socket.OPEN) {
      this.socket.close(GOING_AWAY, 'The node shuts down.');
      await within(AbortSignal.timeout(CLOSE_TIMEOUT_MS), this.socket, 'close');
    }
    this.socket.terminate();
  }

  private take(data: Buffer): void {
    if (this.ended) return;
    const calls = read(data);
    if (calls === null) {
      this.refuse(1007, 'Send an array of calls: [{"id":1,"path":"/v1/...","body":{}}]');
      return;
    }
    for (const call of calls) {
      if ('cancel' in call) this.cancel(call.id, call.tell ?? false);
      else if (this.inFlight === MAX_STREAMED_CALLS || this.calls[call.id] !== undefined) {
        this.refuse(1008, `Send at most ${MAX_STREAMED_CALLS} calls at a time, each with a unique id.`);
        return;
      } else void this.perform(new Call(call, this.opening));
    }
  }

  private cancel(id: number, tell: boolean): void {
    const call = this.calls[id];
    if (call === undefined) return;
    call.tellsCancelled = tell;
    call.abandon();
  }

  private refuse(code: number, why: string): void {
    this.ended = true;
    this.socket.close(code, why);
  }

  private async perform(call: Call): Promise<void> {
    const { routes, drain, server, metrics, traces, trail, refusals, logger } = this.services;
    this.calls[call.id] = call;
    this.inFlight += 1;
    server.requestStarted();
    let route: CallRoute | undefined;
    let status = 404;
    const requestId = `${this.requestId}.${call.id}`;
    try {
      if (drain.draining) throw new ShuttingDown();
      const found = routes.find(call.path);
      call.params = found.params;
      ({ route } = found);
      ({ status } = route);
      const body = await route.handle(call);
      this.answer(
        call,
        `{"id":${call.id},"status":${status},"body":${JSON.stringify(answerTo(call, body))}}`,
      );
    } catch (error) {
      if (error instanceof ClientDisconnected) {
        if (call.tellsCancelled) this.answer(call, `{"id":${call.id},"status":${CANCELLED},"body":null}`);
        return;
      }
      const { id, method, path } = call;
      const traceId = readTraceParent(call.traceparent)?.traceId;
      const problem = problemOf(error, logger, {
        method,
        path,
        requestId,
        traceId,
        caller: callerOf(call),
      });
      status = problem.status;
      refusals.note(problem, { method, route: route?.template, requestId, traceId });
      const retryAfter = retryAfterOf(problem);
      const [instance] = path.split('?', 1);
      const told = problemTo(call, problem.toBody(instance ?? path));
      this.answer(call, JSON.stringify({ id, status, retryAfter, body: told }));
    } finally {
      delete this.calls[call.id];
      call.ended();
      this.inFlight -= 1;
      if (this.inFlight === 0) this.idle.emit('idle');
      server.requestEnded();
      const template = route?.template ?? 'none';
      const answered = !call.isAbandoned;
      const { method, traceparent } = call;
      const elapsedMs = performance.now() - call.startedAt;
      const told = answered ? status : undefined;
      const traceId = traces.record({ method, route: template, status: told, elapsedMs, traceparent });
      metrics.observe(method, template, status, elapsedMs, traceId);
      trail.note(call, { requestId, route: template, status, answered });
    }
  }

  private answer(call: Call, text: string): void {
    if (this.answers.length === 0) process.nextTick(() => this.flush());
    this.answers.push({ call, text });
  }

  private flush(): void {
    const { answers, socket } = this;
    if (answers.length === 0) return;
    this.answers = [];
    // When an answer cannot be sent, the caller must not keep what it was granted.
    const abandonAll = () => {
      for (const { call } of answers) call.abandon();
    };
    if (socket.readyState !== socket.OPEN) {
      abandonAll();
      return;
    }
    socket.send(`[${answers.map(({ text }) => text).join(',')}]`, (error) => {
      if (error) abandonAll();
      if (socket.isPaused && socket.bufferedAmount <= MAX_UNREAD_BYTES) socket.resume();
    });
    if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.pause();
  }
}

const within = (signal: AbortSignal, emitter: EventEmitter, event: string) =>
  once(emitter, event, { signal }).catch(() => undefined);

function read(data: Buffer): StreamedCalls | null {
  try {
    return callsSchema.parse(readJson(data));
  } catch {
    return null;
  }
}
