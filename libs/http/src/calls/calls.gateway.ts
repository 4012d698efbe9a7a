import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Problem } from '@syncline/contracts';
import { Drain, Metrics, OpenStreams, ShuttingDown } from '@syncline/runtime';
import { Gauge } from 'prom-client';
import { type WebSocket, WebSocketServer } from 'ws';
import { ApiKeys } from '../access/api-keys.js';
import type { Caller } from '../access/caller.js';
import { CrossSiteProtection } from '../access/cross-site-protection.js';
import { clientOf } from '../limits/client.js';
import { ClientLimit } from '../limits/client-limit.js';
import { HttpMetrics } from '../metrics/http-metrics.js';
import { MAX_BODY_BYTES, NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { GRACE_MS, ServerStop } from '../node/server-stop.js';
import { answerRaw } from '../problems/raw-answer.js';
import { Refusals } from '../problems/refusals.js';
import { RequestTraces } from '../traces/request-traces.js';
import { Trail } from '../trail/trail.js';
import { CallRoutes } from './call-routes.js';
import { CallStream } from './call-stream.js';

/** Interval of WebSocket pings. A connection that did not answer the previous ping is dropped. */
const PING_EVERY_MS = 15_000;
/** A process needs one at each node. A client without one makes plain requests, which cost the node more. */
const MOST_STREAMS = 4_096;
const MOST_STREAMS_OF_ONE = 1_024;

/** Opens call streams: WebSockets at `/v1/calls`. */
@Injectable()
export class CallsGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  static readonly path = '/v1/calls';

  private readonly logger = new Logger('Requests');
  private readonly server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // One message for each turn of the event loop: its commands are sent to Redis before the next message is read.
    allowSynchronousEvents: false,
    maxPayload: MAX_BODY_BYTES,
  });
  private readonly streams = new Set<CallStream>();
  private readonly limit = new ClientLimit('call streams', MOST_STREAMS, MOST_STREAMS_OF_ONE);

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: CallRoutes,
    private readonly drain: Drain,
    private readonly serverStop: ServerStop,
    private readonly metrics: Metrics,
    private readonly requests: HttpMetrics,
    private readonly traces: RequestTraces,
    private readonly trail: Trail,
    private readonly refusals: Refusals,
    private readonly keys: ApiKeys,
    private readonly crossSite: CrossSiteProtection,
    private readonly openStreams: OpenStreams,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  onApplicationBootstrap(): void {
    const { streams } = this;
    new Gauge({
      name: 'call_streams',
      help: 'Number of open call streams',
      registers: [this.metrics.registry],
      collect() {
        this.set(streams.size);
      },
    });
    const http: Server = this.adapterHost.httpAdapter.getHttpServer();
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      try {
        const caller = this.check(request);
        socket.once('close', this.limit.take(clientOf(request)));
        socket.once('close', caller.usage.hold('callStreams'));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const requestId = answerRaw(socket, error, CallsGateway.path, this.config.nodeId);
        const { method = '' } = request;
        this.trail.note(
          { method, socket: request.socket },
          { requestId, route: CallsGateway.path, status: error.status, answered: true },
        );
        return;
      }
      this.open(request, socket, head);
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    // During the grace period calls are answered with 503, like requests.
    if (this.streams.size > 0) await sleep(GRACE_MS);
    await Promise.all([...this.streams].map((stream) => stream.end()));
  }

  private open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const requestId = randomUUID();
    const addIds = (headers: string[]) =>
      headers.push(`X-Node-Id: ${this.config.nodeId}`, `X-Request-Id: ${requestId}`);
    this.server.once('headers', addIds);
    this.server.handleUpgrade(request, socket, head, (connection) => {
      const stream = new CallStream(connection, request, requestId, {
        routes: this.routes,
        drain: this.drain,
        server: this.serverStop,
        metrics: this.requests,
        traces: this.traces,
        trail: this.trail,
        refusals: this.refusals,
        logger: this.logger,
      });
      this.streams.add(stream);
      connection.once('close', () => this.streams.delete(stream));
      connection.once('close', this.openStreams.enter());
      keepAlive(connection);
    });
    // Still registered when the handshake was refused.
    this.server.off('headers', addIds);
  }

  /** @throws Problem when this request must not open a stream */
  private check(request: IncomingMessage): Caller {
    const [path] = request.url?.split('?', 1) ?? [];
    if (path !== CallsGateway.path) {
      throw new Problem('not-found', `WebSockets are served only at ${CallsGateway.path}.`);
    }
    // Pages of any site can open a WebSocket without a preflight, so requests from browsers are refused.
    if (request.headers.origin !== undefined) {
      throw new Problem(
        'forbidden',
        'Browsers must not open call streams: the request has an Origin header.',
      );
    }
    this.crossSite.check(request);
    const caller = this.keys.callerOf(request);
    if (this.drain.draining) throw new ShuttingDown();
    return caller;
  }
}

/** Detects a client whose machine is gone: its connection stays open, and its calls would keep waiting. */
function keepAlive(connection: WebSocket): void {
  let answered = true;
  connection.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) connection.terminate();
    answered = false;
    connection.ping();
  }, PING_EVERY_MS);
  connection.once('close', () => clearInterval(timer));
}
