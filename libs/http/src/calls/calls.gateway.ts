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
import { Drain, Metrics, ShuttingDown } from '@syncline/runtime';
import { Gauge } from 'prom-client';
import { type WebSocket, WebSocketServer } from 'ws';
import { ApiKeys } from '../access/api-keys.js';
import { CrossSiteProtection } from '../access/cross-site-protection.js';
import { HttpMetrics } from '../metrics/http-metrics.js';
import { MAX_BODY_BYTES, NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { GRACE_MS, ServerStop } from '../node/server-stop.js';
import { answerRaw } from '../problems/raw-answer.js';
import { CallRoutes } from './call-routes.js';
import { CallStream } from './call-stream.js';

/** How often a connection is asked whether its other end lives; one that did not answer until then is dropped. */
const PING_EVERY_MS = 15_000;

/** Opens call streams: WebSockets at `/v1/calls`. */
@Injectable()
export class CallsGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  static readonly path = '/v1/calls';

  private readonly logger = new Logger('Requests');
  private readonly server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // Each message has a turn of its own: what it brought is on its way to Redis before the next one is read.
    allowSynchronousEvents: false,
    maxPayload: MAX_BODY_BYTES,
  });
  private readonly streams = new Set<CallStream>();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly routes: CallRoutes,
    private readonly drain: Drain,
    private readonly serverStop: ServerStop,
    private readonly metrics: Metrics,
    private readonly requests: HttpMetrics,
    private readonly keys: ApiKeys,
    private readonly crossSite: CrossSiteProtection,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  onApplicationBootstrap(): void {
    const { streams } = this;
    new Gauge({
      name: 'call_streams',
      help: 'Call streams that are open',
      registers: [this.metrics.registry],
      collect() {
        this.set(streams.size);
      },
    });
    const http: Server = this.adapterHost.httpAdapter.getHttpServer();
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      try {
        this.check(request);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        answerRaw(socket, error, CallsGateway.path, this.config.nodeId);
        return;
      }
      this.open(request, socket, head);
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    // Until then calls are answered by 503, as requests are.
    if (this.streams.size > 0) await sleep(GRACE_MS);
    await Promise.all([...this.streams].map((stream) => stream.end()));
  }

  private open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const requestId = randomUUID();
    const tell = (headers: string[]) =>
      headers.push(`X-Node-Id: ${this.config.nodeId}`, `X-Request-Id: ${requestId}`);
    this.server.once('headers', tell);
    this.server.handleUpgrade(request, socket, head, (connection) => {
      const stream = new CallStream(connection, request.headers, requestId, {
        routes: this.routes,
        drain: this.drain,
        server: this.serverStop,
        metrics: this.requests,
        logger: this.logger,
      });
      this.streams.add(stream);
      connection.once('close', () => this.streams.delete(stream));
      keepAlive(connection);
    });
    // Where the handshake was refused.
    this.server.off('headers', tell);
  }

  /** @throws Problem why this request opens no stream */
  private check(request: IncomingMessage): void {
    const [path] = request.url?.split('?', 1) ?? [];
    if (path !== CallsGateway.path) {
      throw new Problem('not-found', `There is no WebSocket here, but at ${CallsGateway.path}.`);
    }
    // Pages of any site may open a WebSocket, and browsers send no preflight: let them not reach a node by one.
    if (request.headers.origin !== undefined) {
      throw new Problem('forbidden', 'Call streams are not for browsers: the header Origin was sent.');
    }
    this.crossSite.check(request);
    if (this.keys.required) this.keys.shownBy(request.headers);
    if (this.drain.draining) throw new ShuttingDown();
  }
}

/** A caller whose machine vanished leaves its connection open: without this what it waits for would wait on. */
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
