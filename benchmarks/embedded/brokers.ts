import type { Peer } from '../queue/broker.js';
import { bullmq } from '../queue/peers/bullmq.js';
import { nats } from '../queue/peers/nats.js';
import { embedded } from '../queue/peers/syncline.js';

/** The first one is what the others are compared with. */
export const PEERS: readonly Peer[] = [bullmq, embedded, nats];

export const CAVEATS = [
  'Syncline and BullMQ talk to Redis from the process of the load; NATS is a server, spoken to over one connection.',
  'Durability: Redis writes its append-only file to disk each second, NATS its file every 2 minutes (its default).',
];
