/** Every Redis key of this engine that is named outside of Lua, which derives the rest (scripts/parts/queue.lua). */
export const queueKeys = {
  /** Hash: one queue. All its keys share its tag. */
  queue: (queue: string) => `syncline:{queue:${queue}}:queue`,
  /** List: messages on their way to another queue. */
  outbox: (queue: string) => `syncline:{queue:${queue}}:out`,
  /** Zset, in lexicographic order: the names of all queues, or of one part of them. */
  names: (part: number | null) => `syncline:{queues${part === null ? '' : `:${part}`}}:names`,
  /** String: how often a node was told to wake receivers (scripts/parts/waiters.lua). */
  wakeUps: (nodeId: string) => `syncline:{queues}:wakeUps:${nodeId}`,
  /** Stream: queues that got messages lately (queues-in-use.ts). */
  inUse: () => 'syncline:{queues}:inUse',
  /** Zset, in lexicographic order: the names of all schedules, with where each is (scripts/name-schedule.lua). */
  schedules: () => 'syncline:{queues}:schedules',
};
