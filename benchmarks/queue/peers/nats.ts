import { AckPolicy, jetstream, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import { type Peer, VISIBILITY_MS } from '../broker.js';

const STREAM = 'bench';
const CONSUMER = 'workers';

/** A work queue in a file; a pull consumer, at most as many unacknowledged messages as there are handlers. */
export const nats: Peer = {
  name: 'NATS JetStream 2.9',
  open: async (stage) => {
    const { address } = await stage.service('nats');
    const connection = await connect({ servers: address });
    const stream = jetstream(connection);
    const manager = await stream.jetstreamManager();
    await manager.streams.add({
      name: STREAM,
      subjects: [STREAM],
      storage: StorageType.File,
      retention: RetentionPolicy.Workqueue,
    });
    await manager.consumers.add(STREAM, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(VISIBILITY_MS),
    });
    const consumer = await stream.consumers.get(STREAM, CONSUMER);
    return {
      send: (body) => stream.publish(STREAM, body),
      sendBatch: (bodies) => Promise.all(bodies.map((body) => stream.publish(STREAM, body))),
      consume: async (concurrency, handle) => {
        await manager.consumers.update(STREAM, CONSUMER, { max_ack_pending: concurrency });
        const messages = await consumer.consume({ max_messages: 2 * concurrency });
        const loop = async () => {
          for await (const message of messages) {
            handle(message.string());
            message.ack();
          }
        };
        const running = loop();
        return async () => {
          await messages.close();
          await running;
        };
      },
      hang: async () => consumer.next(),
      clear: () => manager.streams.purge(STREAM),
      stop: () => connection.close(),
    };
  },
};
