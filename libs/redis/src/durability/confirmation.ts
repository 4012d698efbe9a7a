import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { isReplyError } from '../store-unavailable.js';
import { NotDurable, type SafeLevel } from './not-durable.js';

/**
 * How long Redis may take to confirm. It answers nothing on the connection meanwhile, so this is less than the silence after
 * which a connection is given up; an append-only file that is written to disk once a second needs more than one.
 */
const CONFIRM_MS = 1_500;
/** The mark removes itself. */
const MARK_MS = 1_000;

/**
 * Redis waits for what a connection wrote last. A write of its own makes this all that any connection wrote before, also when the
 * call to be confirmed found its effect already there and wrote nothing.
 */
const MARK = readFileSync(new URL('./mark.lua', import.meta.url), 'utf8');

/** Resolves when all that a primary answered before is as safe as the level says. @throws NotDurable */
export type Confirm = (connection: Redis, mark: string) => Promise<void>;

const leaveMark = (connection: Redis, key: string) => connection.eval(MARK, 1, key, MARK_MS);

const replicated: Confirm = async (connection, mark) => {
  const [, replicas] = await Promise.all([leaveMark(connection, mark), connection.wait(1, CONFIRM_MS)]);
  if (replicas < 1) throw new NotDurable('replicated');
};

/** Before 7.2 Redis cannot be asked to wait for its disk, but it can be set to always do. */
const withoutWaitAof = new WeakSet<Redis>();

const fsync: Confirm = async (connection, mark) => {
  if (!withoutWaitAof.has(connection)) {
    const [, local] = await Promise.all([leaveMark(connection, mark), waitAof(connection)]);
    if (local === 1) return;
    if (local === 0) throw new NotDurable('fsync');
    withoutWaitAof.add(connection);
  }
  const [, settings] = await Promise.all([
    leaveMark(connection, mark),
    connection.config('GET', 'append*') as Promise<string[]>,
  ]);
  const settingOf = (name: string) => settings[settings.indexOf(name) + 1];
  if (settingOf('appendonly') !== 'yes' || settingOf('appendfsync') !== 'always') throw unsuitable();
};

/** How many Redis confirmed: 1 or 0. Null: it does not know the command. */
async function waitAof(connection: Redis): Promise<number | null> {
  try {
    const [local] = (await connection.call('WAITAOF', 1, 0, CONFIRM_MS)) as [number, number];
    return local;
  } catch (error) {
    if (isReplyError(error) && /^ERR unknown command/i.test(error.message)) return null;
    if (isReplyError(error) && /appendonly is disabled/.test(error.message)) throw unsuitable();
    throw error;
  }
}

const unsuitable = () =>
  new NotDurable(
    'fsync',
    'This Redis does not write to its disk before it answers: set appendonly yes and appendfsync always, or use Redis 7.2 or newer with appendonly yes.',
  );

export const CONFIRMATIONS: Record<SafeLevel, Confirm> = { fsync, replicated };
