import type { Contestant, Running } from '../harness/index.js';
import type { Broker, Peer } from './broker.js';

/** A peer that measures as `run` says, and is stopped at the end. */
export const contestant = (
  peer: Peer,
  run: (broker: Broker) => Running | Promise<Running>,
  name = peer.name,
): Contestant => ({
  name,
  start: async (stage) => {
    const broker = await peer.open(stage);
    try {
      const running = await run(broker);
      const stop = async () => {
        await running.stop?.();
        await broker.stop();
      };
      return { ...running, stop };
    } catch (error) {
      await broker.stop();
      throw error;
    }
  },
});
