import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@syncline/testing';
import { type WebSocket, WebSocketServer } from 'ws';
import { Transport } from './transport.js';

interface Asked {
  readonly id: number;
  readonly path?: string;
  readonly body?: unknown;
  readonly cancel?: true;
}

/** A fake node whose streams a test controls. */
class ScriptedNode {
  /** Paths of requests over HTTP. */
  readonly requests: string[] = [];
  readonly handshakes: IncomingMessage[] = [];
  readonly streams: WebSocket[] = [];
  /** Messages over streams. */
  readonly messages: Asked[][] = [];
  /** Handles a call of a stream. Default: answers it. */
  onCall: (stream: WebSocket, call: Asked) => void = (stream, { id, body }) =>
    stream.send(JSON.stringify([{ id, status: 200, body: { over: 'stream', body } }]));
  /** Handles a request over HTTP. Default: answers it. */
  onRequest = (_request: IncomingMessage, response: ServerResponse): unknown =>
    response.end('{"over":"http"}');
  private readonly sockets = new WebSocketServer({ noServer: true });

  private constructor(
    private readonly server: Server,
    opensStreams: boolean,
  ) {
    server.on('request', (request, response) => {
      this.requests.push(request.url ?? '');
      request.resume();
      this.onRequest(request, response);
    });
    if (!opensStreams) return;
    this.sockets.on('headers', (headers) => headers.push('X-Node-Id: scripted', 'X-Request-Id: r1'));
    server.on('upgrade', (request, socket, head) => {
      this.handshakes.push(request);
      this.sockets.handleUpgrade(request, socket, head, (stream) => this.join(stream));
    });
  }

  static async start(options: { opensStreams?: boolean } = {}): Promise<ScriptedNode> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const node = new ScriptedNode(server, options.opensStreams ?? true);
    nodes.push(node);
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get calls(): Asked[] {
    return this.messages.flat();
  }

  stop(): void {
    for (const stream of this.streams) stream.terminate();
    this.server.closeAllConnections();
    this.server.close();
  }

  private join(stream: WebSocket): void {
    this.streams.push(stream);
    stream.on('message', (data: Buffer) => {
      const calls = JSON.parse(data.toString()) as Asked[];
      this.messages.push(calls);
      for (const call of calls) if (!call.cancel) this.onCall(stream, call);
    });
  }
}

const nodes: ScriptedNode[] = [];
const transports: Transport[] = [];
const connect = (options: ConstructorParameters<typeof Transport>[0]) => {
  const transport = new Transport(options);
  transports.push(transport);
  return transport;
};
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  for (const node of nodes.splice(0)) node.stop();
});

const call = { method: 'POST', path: '/v1/x', body: '{"n":1}', idempotent: true } as const;
const OVER_STREAM = { over: 'stream', body: { n: 1 } };

/** Makes calls until the stream to the node of slot 0 is open. */
async function warmUp(transport: Transport): Promise<void> {
  await eventually(async () => {
    expect(await transport.json({ ...call, affinity: 0 })).toMatchObject({ over: 'stream' });
  });
}

describe('calls to a node', () => {
  it('use a call stream after the first few, with the headers of the client', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [`${node.url}/`], apiKey: 'secret' });
    for (let i = 0; i < 7; i++) expect(await transport.json(call)).toEqual({ over: 'http' });
    expect(node.handshakes).toHaveLength(0);
    await warmUp(transport);
    const requests = node.requests.length;
    expect(await transport.json(call)).toEqual(OVER_STREAM);
    expect(node.requests).toHaveLength(requests);
    expect(node.handshakes).toHaveLength(1);
    expect(node.handshakes[0]?.headers.authorization).toBe('Bearer secret');
    // Reads, and calls with headers or bytes, are still plain requests.
    for (const other of [
      { ...call, method: 'GET', body: undefined as never },
      { ...call, headers: { accept: 'application/json' } },
      { ...call, body: Buffer.from('{}') },
      { ...call, body: JSON.stringify('x'.repeat(300_000)) },
    ] as const) {
      expect(await transport.json(other)).toEqual({ over: 'http' });
    }
  });

  it('of one turn are sent in one message, and answered in any order', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [node.url] });
    await warmUp(transport);
    const held: Asked[] = [];
    node.onCall = (stream, asked) => {
      held.push(asked);
      if (held.length < 3) return;
      const answers = held.reverse().map(({ id, body }) => ({ id, status: 200, body }));
      stream.send(JSON.stringify(answers));
    };
    const messages = node.messages.length;
    const bodies = ['{"n":1}', '{"n":2}', '{"n":3}'];
    const answers = await Promise.all(bodies.map((body) => transport.json({ ...call, body })));
    expect(answers).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(node.messages).toHaveLength(messages + 1);
  });

  it('fail with the problem of the node and the request id of the call', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [node.url] });
    await warmUp(transport);
    node.onCall = (stream, { id }) => {
      const body = { code: 'rate-limited', status: 429, detail: 'slower' };
      stream.send(JSON.stringify([{ id, status: 429, retryAfter: 2, body }]));
    };
    const refused = transport.call(call);
    await expect(refused).rejects.toMatchObject({
      code: 'rate-limited',
      facts: { nodeId: 'scripted', retryAfterMs: 2_000 },
    });
    await expect(refused).rejects.toMatchObject({
      facts: { requestId: `r1.${node.calls.at(-1)?.id}` },
    });
  });

  it('are plain requests when no stream can be opened', async () => {
    const node = await ScriptedNode.start({ opensStreams: false });
    const transport = connect({ urls: [node.url] });
    for (let i = 0; i < 30; i++) expect(await transport.json(call)).toEqual({ over: 'http' });
    expect(node.requests.filter((path) => path === '/v1/calls')).toHaveLength(1);
    expect(node.requests.filter((path) => path === '/v1/x')).toHaveLength(30);
  });

  it('are cancelled at the node when their signal aborts', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [node.url] });
    await warmUp(transport);
    node.onCall = () => undefined;
    const before = node.calls.length;
    const controller = new AbortController();
    const waiting = transport.call({ ...call, waitMs: 60_000, signal: controller.signal });
    await eventually(() => expect(node.calls).toHaveLength(before + 1));
    const { id } = node.calls.at(-1) as Asked;
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await eventually(() => expect(node.calls.at(-1)).toEqual({ id, cancel: true }));
  });
});

describe('when a call stream is cut', () => {
  const cutBy = async (end: (stream: WebSocket) => void) => {
    const [first, second] = await Promise.all([ScriptedNode.start(), ScriptedNode.start()]);
    const transport = connect({ urls: [first.url, second.url] });
    await warmUp(transport);
    let taken = 0;
    first.onCall = (stream) => {
      taken += 1;
      end(stream);
    };
    return { transport, first, second, taken: () => taken };
  };

  it('idempotent calls are made at the next node', async () => {
    const { transport, second } = await cutBy((stream) => stream.terminate());
    expect(await transport.json({ ...call, affinity: 0 })).toEqual({ over: 'http' });
    expect(second.requests).toHaveLength(1);
  });

  it('other calls fail with an unknown outcome', async () => {
    const { transport, second, taken } = await cutBy((stream) => stream.terminate());
    const once = transport.call({ ...call, idempotent: false, affinity: 0 });
    await expect(once).rejects.toMatchObject({ code: 'connection-failed', outcome: 'unknown' });
    expect([taken(), second.requests.length]).toEqual([1, 0]);
  });

  it('by a node that shuts down, all calls are made at the next node, because they were not started', async () => {
    const { transport, second } = await cutBy((stream) => stream.close(4_001));
    expect(await transport.json({ ...call, idempotent: false, affinity: 0 })).toEqual({ over: 'http' });
    expect(second.requests).toHaveLength(1);
  });

  it('a new one is opened later', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [node.url] });
    await warmUp(transport);
    node.streams[0]?.terminate();
    await eventually(async () => expect(await transport.json(call)).toEqual({ over: 'http' }));
    await warmUp(transport);
    expect(node.handshakes).toHaveLength(2);
  });

  it('without notice, calls fail at their deadline, and later ones use another connection', async () => {
    const node = await ScriptedNode.start();
    const transport = connect({ urls: [node.url] });
    await warmUp(transport);
    node.onCall = () => undefined;
    const lost = transport.call({ ...call, idempotent: false, attemptTimeoutMs: 50 });
    await expect(lost).rejects.toMatchObject({ code: 'connection-failed', outcome: 'unknown' });
    expect(await transport.json(call)).toEqual({ over: 'http' });
    await eventually(() => expect(node.streams[0]?.readyState).toBe(3));
  });
});

it('a call stream without calls does not keep the process alive', async () => {
  const node = await ScriptedNode.start();
  const script = `
    import { Transport } from './libs/client/src/transport/transport.js';
    const transport = new Transport({ urls: ['${node.url}'] });
    const call = { method: 'POST', path: '/v1/x', body: '{}', idempotent: true };
    for (let answer; answer?.over !== 'stream'; ) answer = await transport.json(call);
    console.log('over the stream');
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
  expect([Buffer.concat(printed).toString(), code]).toEqual(['over the stream\n', 0]);
});
