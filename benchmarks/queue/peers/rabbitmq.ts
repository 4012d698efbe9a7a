import { connect } from 'amqplib';
import type { Peer } from '../broker.js';

const QUEUE = 'bench';

/** A quorum queue of one node, publisher confirms, as many unacknowledged messages as there are handlers. */
export const rabbitmq: Peer = {
  name: 'RabbitMQ 3.10, quorum queue',
  open: async (stage) => {
    const { address } = await stage.service('rabbitmq');
    const connection = await connect(`amqp://${address}`, { noDelay: true });
    const publisher = await connection.createConfirmChannel();
    await publisher.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const send = (body: string) =>
      new Promise<void>((resolve, reject) => {
        publisher.sendToQueue(QUEUE, Buffer.from(body), { persistent: true }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    return {
      send,
      sendBatch: (bodies) => Promise.all(bodies.map(send)),
      consume: async (concurrency, handle) => {
        const channel = await connection.createChannel();
        await channel.prefetch(concurrency);
        await channel.consume(QUEUE, (message) => {
          if (message === null) return;
          handle(message.content.toString());
          channel.ack(message);
        });
        return () => channel.close();
      },
      clear: () => publisher.purgeQueue(QUEUE),
      stop: () => connection.close(),
    };
  },
};
