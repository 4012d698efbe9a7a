import { spawn } from 'node:child_process';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { Syncline, type Tracing } from '@syncline/client';
import { otelTracing } from '@syncline/otel';
import { Child } from '@syncline/testing';
import { benchmark, type Contestant } from '../harness/index.js';
import { BODY } from '../queue/broker.js';

/** A collector, in a process of its own: reads what comes and keeps nothing. */
const COLLECTOR = `
  const server = require('node:http').createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'));
  });
  server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
`;

// Records every span of the client, and exports none.
new NodeTracerProvider().register();

/** A message sent, and a lock acquired and released. */
const contestant = (name: string, exports: boolean, tracing?: Tracing): Contestant => ({
  name,
  start: async (stage) => {
    const collector = exports
      ? new Child('collector', spawn(process.execPath, ['-e', COLLECTOR]))
      : undefined;
    const [, port] = (await collector?.printed(/port (\d+)/)) ?? [];
    const env = port === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    const redis = await stage.redis();
    const [queue, lock] = await Promise.all([
      stage.nodes('queue', 1, redis, '.', env),
      stage.nodes('lock', 1, redis, '.', env),
    ]);
    const client = new Syncline({ queue, lock, ...(tracing && { tracing }) });
    const sends = client.queue<string>('bench');
    return {
      prepare: async () => {
        await sends.send(BODY);
        await sends.purge();
      },
      operation: async (worker) => {
        await sends.send(BODY);
        const lease = await client.lock.acquire(`lock-${worker}`);
        await lease.release();
        return 1;
      },
      stop: async () => {
        await client.close();
        await collector?.stop();
      },
    };
  },
});

export default benchmark({
  question:
    'What do traces cost a client and nodes, when it sends a message, and acquires and releases a lock?',
  unit: 'rounds/s',
  loads: [1, 64],
  contestants: [
    contestant('without traces', false),
    contestant('nodes export theirs', true),
    contestant('client and nodes trace', true, otelTracing()),
  ],
  caveats: [
    'The nodes send every span to a collector that keeps none; the client records its spans and exports none.',
    'Calls of a turn share a request, and so a span of the node.',
  ],
});
