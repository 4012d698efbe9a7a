import { z } from 'zod';
import { nodeIdSchema } from './cluster.js';
import { instantSchema, nameSchema } from './fields.js';
import { waitSchema } from './waiting.js';

const countSchema = z.int().describe('How often it happened at that moment');

/** What every event has, and its own facts. `of`: what the name names; null: it concerns no name. */
const event = <Type extends string, Facts extends z.core.$ZodLooseShape>(
  type: Type,
  of: string | null,
  facts: Facts,
  description: string,
) =>
  z
    .strictObject({
      type: z.literal(type).describe(description),
      at: instantSchema.describe('When it happened'),
      nodeId: nodeIdSchema.describe('The node that tells of it'),
      name: of === null ? z.null().describe('It concerns no name') : nameSchema.describe(`Name of the ${of}`),
      count: countSchema,
      ...facts,
    })
    .describe(description);

const held = {
  kind: z.enum(['lock', 'semaphore']).describe('What the name names'),
  owner: z.string().describe('Who holds or held it'),
  fencingToken: z.string().describe('That of the lease'),
};

export const eventSchema = z
  .discriminatedUnion('type', [
    event(
      'granted',
      'lock',
      { ...held, waitedMs: z.int().describe('How long the request waited in line, ms') },
      'A lease was granted to a request that waited',
    ),
    event(
      'lost',
      'lock',
      { ...held, reason: z.enum(['ttl', 'session']).describe('What was not renewed in time') },
      'A lease ended that its holder had not released',
    ),
    event('revoked', 'lock', held, 'A lease was taken away by force'),
    event(
      'deadlock',
      'lock',
      {
        cycle: z.array(waitSchema).describe('The first 8 steps'),
        steps: z.int().describe('How many steps the circle has'),
        victim: z.string().describe('Owner whose wait was given up'),
      },
      'Owners waited for each other; `name` is what the victim waited for',
    ),
    event(
      'dead',
      'queue',
      { reason: z.enum(['max-receives', 'rejected']).describe('`rejected`: a receiver said so') },
      'Messages became dead letters: they failed too often, or a receiver said so',
    ),
    event('stalled', 'queue', {}, 'Visibility timeouts ended without an answer of the receiver'),
    event('redriven', 'queue', {}, 'Dead letters left this queue'),
    event('purged', 'queue', {}, 'All messages were removed'),
    event('paused', 'queue', {}, 'Deliveries stopped'),
    event('resumed', 'queue', {}, 'Deliveries go on'),
    event(
      'fired',
      'schedule',
      { queue: nameSchema.describe('Where the messages went') },
      'A schedule sent messages',
    ),
    event('repaired', 'cache', {}, 'A renewal brought invalidations whose hints had not come'),
    event('forced', 'cache', {}, 'A write no longer waited for a silent node'),
    event('flushed', 'cache', {}, 'All entries were removed'),
    event('joined', null, { member: nodeIdSchema.describe('Which one') }, 'A member joined'),
    event('left', null, { member: nodeIdSchema.describe('Which one') }, 'A member left'),
    event(
      'fenced',
      null,
      { member: nodeIdSchema.describe('Which one') },
      'A member was removed, because it was silent',
    ),
    event(
      'instance',
      null,
      { instance: z.string().describe('Identifies the new one') },
      'Redis is another instance: a restart or a failover',
    ),
    event(
      'omitted',
      null,
      { of: z.string().describe('Type of the events') },
      'Events that were more than a node tells in a second',
    ),
  ])
  .meta({
    id: 'Event',
    example: {
      type: 'granted',
      at: '2026-01-31T09:30:02.000Z',
      nodeId: 'lock_manager_1',
      name: 'invoice-42',
      count: 1,
      kind: 'lock',
      owner: 'worker-7',
      fencingToken: '1769851802000000',
      waitedMs: 1_250,
    },
  });
/** Something that happened to a name of a role, or to the cluster: what an operator wants to know. */
export type Event = z.infer<typeof eventSchema>;

/** The types of events, each with the reasons that it may have; `''` where it has none. */
export const EVENT_REASONS: readonly (readonly [type: Event['type'], reasons: readonly string[]])[] =
  eventSchema.options.map(({ shape }) => [shape.type.value, 'reason' in shape ? shape.reason.options : ['']]);

/** All names in an event: who may not read them all is not told of it. */
export function namesIn(told: Event): readonly string[] {
  const names = told.name === null ? [] : [told.name];
  if (told.type === 'fired') names.push(told.queue);
  if (told.type === 'deadlock') names.push(...told.cycle.map(({ waitsFor }) => waitsFor));
  return names;
}
