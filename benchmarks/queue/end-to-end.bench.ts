import { benchmark } from '../harness/index.js';
import type { Peer } from './broker.js';
import { contestant } from './contestant.js';
import { Deliveries } from './deliveries.js';
import { CAVEATS, PEERS } from './peers/index.js';

const HANDLERS = 64;

/** An operation is over when its message is handled; the latency is the time from sending to handling. */
export const endToEnd = (peer: Peer, handlers: number) =>
  contestant(peer, async (broker) => {
    const deliveries = new Deliveries();
    const stop = await broker.consume(handlers, deliveries.handle);
    return {
      operation: async () => {
        const { body, handled } = deliveries.next();
        await Promise.all([broker.send(body), handled]);
        return 1;
      },
      stop,
    };
  });

export default benchmark({
  question: 'How many messages of 200 bytes a second get from a sender to one of 64 waiting handlers?',
  unit: 'messages/s',
  loads: [1, 16, 64],
  rounds: 3,
  contestants: PEERS.map((peer) => endToEnd(peer, HANDLERS)),
  caveats: [
    ...CAVEATS,
    'A closed loop: the next message is sent when the last one was handled and its sending answered.',
  ],
});
