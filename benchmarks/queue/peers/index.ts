import type { Peer } from '../broker.js';
import { beanstalkdByJackd, beanstalkdGathering } from './beanstalkd.js';
import { bullmq } from './bullmq.js';
import { nats } from './nats.js';
import { rabbitmq } from './rabbitmq.js';
import { redisStreams } from './redis-streams.js';
import { syncline } from './syncline.js';

/** Everybody who can be compared. The first one is what the others are compared with. */
export const PEERS: readonly Peer[] = [
  syncline(3),
  syncline(1),
  bullmq,
  beanstalkdByJackd,
  beanstalkdGathering,
  nats,
  rabbitmq,
  redisStreams,
];

export const CAVEATS = [
  'Durability: Redis (Syncline, BullMQ, Streams) writes its append-only file to disk each second, beanstalkd its log each 50 ms, NATS its file every 2 minutes (its default), RabbitMQ before it confirms.',
  'All clients are one Node process. Syncline: what is sent or acknowledged in one turn travels in one request. BullMQ, Streams, NATS, RabbitMQ: one connection with many commands under way. beanstalkd twice: by jackd, which has one command under way on each connection; and by a client written for this benchmark, which gathers the puts of a turn in one packet as ours does. Each of its consumers has a connection of its own, as its protocol asks.',
  'BullMQ and Streams talk straight to Redis. Syncline goes through its service, whose nodes share two cores with Redis and the client.',
  'Streams by hand have no priorities, delays, redelivery or dead letters: what is left of Redis when nothing is promised.',
];
