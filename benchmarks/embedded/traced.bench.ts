import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { otelTracing } from '@syncline/otel';
import { benchmark } from '../harness/index.js';
import { endToEnd } from '../queue/end-to-end.bench.js';
import { embeddedWith } from '../queue/peers/syncline.js';

const HANDLERS = 64;

// Records every span, and exports none.
new NodeTracerProvider().register();

export default benchmark({
  question: 'What do traces cost a message of 200 bytes, from its sender to the ack of its handler?',
  unit: 'messages/s',
  loads: [1, 64],
  contestants: [embeddedWith('without tracing'), embeddedWith('every message traced', otelTracing())].map(
    (peer) => endToEnd(peer, HANDLERS),
  ),
  caveats: [
    'Three spans a message, all recorded and none exported. What is without tracing is the same as in embedded/end-to-end.',
  ],
});
