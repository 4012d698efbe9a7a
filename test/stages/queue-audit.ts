import type { Redis } from 'ioredis';

const PER_BUCKET = 4_096;
const PER_SEQ = 64;

/**
 * Reads all keys of a queue and says what is wrong with them: each message must stand in exactly one place, each
 * place must hold messages only, and the counters must be right. Written against the data model
 * (libs/queues/src/redis/scripts/parts/queue.lua), not against the scripts.
 */
export async function auditQueue(redis: Redis, queue: string): Promise<string[]> {
  const base = `syncline:{queue:${queue}}:`;
  const transaction = await readAll(redis, base);
  const { facts, parts } = transaction;
  if (facts.gen === undefined) return [];
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string) => {
    if (!holds) faults.push(`${queue}: ${fault}`);
  };

  const records = new Map<number, Buffer>();
  for (const [name, fields] of parts.buckets) {
    for (const [field, record] of fields) records.set(name * PER_BUCKET + field, record);
  }
  const places = new Map<number, string[]>();
  const stand = (token: number, place: string) => {
    const seq = Math.floor(token / PER_SEQ);
    places.set(seq, [...(places.get(seq) ?? []), place]);
  };
  for (const token of parts.inFlight.keys()) stand(token, 'inFlight');
  for (const token of parts.delayed.keys()) stand(token, 'delayed');
  for (const token of parts.listed) {
    const record = records.get(Math.floor(token / PER_SEQ));
    // What a list has of a message that was rescheduled is void.
    if (record !== undefined && record.readUInt8(6) < 128) stand(token, 'list');
  }
  for (const member of parts.ranked) if (member.startsWith('m')) stand(Number(member.slice(1)), 'ranked');

  const groups = new Map<string, number[]>();
  for (const [seq, record] of records) {
    const { group, mortal, priority } = flagsOf(record);
    const token = seq * PER_SEQ + priority * 4 + (group === null ? 0 : 2) + (mortal ? 1 : 0);
    if (group !== null) groups.set(group, [...(groups.get(group) ?? []), token]);
    const at = places.get(seq) ?? [];
    const waitsInGroup = group !== null && at.length === 0;
    expect(at.length === 1 || waitsInGroup, `message ${seq} stands in ${JSON.stringify(at)}`);
    const expiring = parts.expiring.has(token);
    expect(expiring === (mortal && !parts.inFlight.has(token)), `message ${seq}: TTL watched is ${expiring}`);
  }
  for (const seq of places.keys())
    expect(records.has(seq), `${seq} stands in ${places.get(seq)} without a record`);
  for (const seq of [...parts.adopted, ...parts.watched, ...parts.unique]) {
    expect(records.has(seq), `message ${seq} is looked for, and gone`);
  }
  for (const token of parts.tries) {
    expect(
      records.has(Math.floor(token / PER_SEQ)),
      `failed deliveries of ${token} are kept, the message is gone`,
    );
  }

  // Where several of a group may be in flight none waits for another, and the index has those that are ready only. One that had
  // another limit before may still have, or lack, some of the others.
  const limit = Number(facts.maxInFlightPerGroup || 1);
  const grouped = [...groups.values()].flat();
  const ready = (tokens: readonly number[]) =>
    tokens.filter((token) => !parts.inFlight.has(token) && !parts.delayed.has(token));
  const lacks = (Number(facts.marks || 0) & 64) !== 0;
  const isFifo = queue.endsWith('.fifo') && !facts.fair;
  expect(
    parts.groupMembers <= grouped.length &&
      parts.groupMembers >= (limit > 1 || lacks ? ready(grouped) : grouped).length,
    'the index of groups does not fit the messages',
  );
  for (const [group, tokens] of groups) {
    const flying = tokens.filter((token) => parts.inFlight.has(token)).length;
    const head = Math.min(...tokens);
    expect(
      (parts.busy.get(group) ?? 0) === flying,
      `group ${group} counts ${parts.busy.get(group)} in flight, not ${flying}`,
    );
    const offered = parts.ranked.has(`g${group}`);
    // In a FIFO queue one that is in flight holds back the younger ones only.
    const isHeld = isFifo ? parts.inFlight.has(head) : flying > 0;
    const runnable =
      limit > 1 ? flying < limit && ready(tokens).length > 0 : !isHeld && !parts.delayed.has(head);
    const mayDiffer = limit > 1 ? offered : lacks;
    expect(offered === runnable || mayDiffer, `group ${group}: offered is not ${runnable}`);
  }
  for (const group of parts.busy.keys()) expect(groups.has(group), `group ${group} is busy, and empty`);

  const number = (field: string) => Number(facts[field] || 0);
  const bytes = [...records.values()].reduce((sum, record) => sum + record.length, 0);
  expect(parts.uniqueCount <= parts.unique.length, 'a deduplication id names what nobody knows');
  for (const token of parts.progress.keys()) {
    expect(records.has(Math.floor(token / PER_SEQ)), `the progress of ${token} is kept, the message is gone`);
  }
  const kept = [...parts.progress.values(), ...parts.results.values()].reduce((sum, one) => sum + one, 0);
  expect(number('kept') === kept, `kept is ${facts.kept}, not ${kept}`);
  expect(
    parts.resultEnds.size === parts.results.size &&
      [...parts.resultEnds.keys()].every((id) => parts.results.has(id)),
    'not each result has an end',
  );
  expect(number('live') === records.size, `live is ${facts.live}, not ${records.size}`);
  expect(number('bytes') === bytes, `bytes is ${facts.bytes}, not ${bytes}`);
  expect(
    number('live') + number('dead') === number('sent') - number('acked') - number('expired'),
    `counts do not add up: ${JSON.stringify(facts)}`,
  );
  const earliest = Math.min(
    ...parts.inFlight.values(),
    ...parts.delayed.values(),
    ...parts.expiring.values(),
    ...parts.resultEnds.values(),
  );
  if (Number.isFinite(earliest)) {
    expect(facts.due !== '' && number('due') <= earliest, `due is ${facts.due}, after ${earliest}`);
  }
  if (records.size === 0) {
    const left = transaction.keys.filter(
      (key) =>
        !(parts.results.size > 0 && /:results(End)?$/.test(key)) &&
        !/:(queue|w|nodes|out|rate|schedules|schedule:.*|opening|told|expected|again|over|d:.*|acked:.*|ended:.*)$/.test(
          key.slice(base.length - 1),
        ),
    );
    expect(left.length === 0, `drained, but these are left: ${left.join(' ')}`);
  }
  return faults;
}

interface Parts {
  readonly buckets: Map<number, [number, Buffer][]>;
  readonly inFlight: Map<number, number>;
  readonly delayed: Map<number, number>;
  readonly expiring: Map<number, number>;
  readonly busy: Map<string, number>;
  readonly ranked: Set<string>;
  readonly listed: number[];
  readonly tries: number[];
  readonly adopted: number[];
  readonly watched: number[];
  readonly unique: number[];
  readonly uniqueCount: number;
  readonly groupMembers: number;
  /** Bytes by token, and by id. */
  readonly progress: Map<number, number>;
  readonly results: Map<string, number>;
  readonly resultEnds: Map<string, number>;
}

/** One transaction, so that nothing changes while it is read. The keys are looked up before it. */
async function readAll(redis: Redis, base: string) {
  for (;;) {
    const keys = await redis.keys(`${base.replace(/[[\]*?\\]/g, '\\$&')}*`);
    const gen = (await redis.hget(`${base}queue`, 'gen')) ?? '';
    const part = (name: string) => `${base}${gen}:${name}`;
    const bucketKeys = keys.filter((key) => key.startsWith(part('b:')));
    const transaction = redis
      .multi()
      .hgetall(`${base}queue`)
      .keys(`${base.replace(/[[\]*?\\]/g, '\\$&')}*`)
      .zrange(part('inFlight'), '0', '-1', 'WITHSCORES')
      .zrangeBuffer(part('delayed'), '0', '-1', 'WITHSCORES')
      .zrange(part('expiring'), '0', '-1', 'WITHSCORES')
      .hgetall(part('busy'))
      .zrange(part('ranked'), '0', '-1')
      .hkeys(part('tries'))
      .hvals(part('adopted'))
      .hkeys(part('watched'))
      .hkeys(part('uniqueOf'))
      .hlen(part('unique'))
      .zcard(part('groups'))
      .hgetall(part('progress'))
      .hgetallBuffer(part('results'))
      .zrange(part('resultsEnd'), '0', '-1', 'WITHSCORES');
    for (let p = 0; p < 10; p += 1) transaction.lrange(part(`r:${p}`), 0, -1);
    for (const key of bucketKeys) transaction.hgetallBuffer(key);
    const replies = ((await transaction.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
    const [
      facts,
      keysNow,
      inFlight,
      delayed,
      expiring,
      busy,
      ranked,
      tries,
      adopted,
      watched,
      unique,
      uniqueCount,
      groupMembers,
      progress,
      results,
      resultEnds,
      ...rest
    ] = replies;
    const now = facts as Record<string, string>;
    if (gen !== '' && now.gen !== gen) continue;
    if (bucketKeys.length !== (keysNow as string[]).filter((key) => key.startsWith(part('b:'))).length)
      continue;
    const parts: Parts = {
      buckets: new Map(
        bucketKeys.map((key, i) => [
          Number(key.slice(part('b:').length)),
          Object.entries(rest[10 + i] as Record<string, Buffer>).map(([field, record]) => [
            Number(field),
            record,
          ]),
        ]),
      ),
      inFlight: scored(inFlight),
      delayed: scored((delayed as Buffer[]).map(numbered)),
      expiring: scored(expiring),
      busy: new Map(
        Object.entries(busy as Record<string, string>).map(([group, count]) => [group, Number(count)]),
      ),
      ranked: new Set(ranked as string[]),
      listed: (rest.slice(0, 10) as string[][]).flat().map(Number),
      tries: (tries as string[]).map(Number),
      adopted: (adopted as string[]).map(Number),
      watched: (watched as string[]).map(Number),
      unique: (unique as string[]).map(Number),
      uniqueCount: uniqueCount as number,
      groupMembers: groupMembers as number,
      progress: new Map(
        Object.entries(progress as Record<string, string>).map(([token, text]) => [
          Number(token),
          Buffer.byteLength(text),
        ]),
      ),
      results: new Map(
        Object.entries(results as Record<string, Buffer>).map(([id, packed]) => [id, packed.length]),
      ),
      resultEnds: new Map(
        (resultEnds as string[]).flatMap((id, i, all) => (i % 2 === 0 ? [[id, Number(all[i + 1])]] : [])),
      ),
    };
    return { facts: now, keys: keysNow as string[], parts };
  }
}

function scored(reply: unknown): Map<number, number> {
  const values = (reply as string[]).map(Number);
  const map = new Map<number, number>();
  for (let i = 0; i < values.length; i += 2) map.set(values[i] ?? 0, values[i + 1] ?? 0);
  return map;
}

/** Members of `delayed` are numbers of 7 bytes, their scores text. */
const numbered = (value: Buffer, i: number) =>
  i % 2 === 0 ? String(value.readUIntBE(0, 1) * 2 ** 48 + value.readUIntBE(1, 6)) : String(value);

function flagsOf(record: Buffer) {
  const flags = record.readUInt8(6);
  const mortal = (flags & 32) !== 0;
  const at = mortal ? 13 : 7;
  const group = flags & 16 ? record.toString('utf8', at + 2, at + 2 + record.readUInt16BE(at)) : null;
  return { priority: flags & 15, mortal, group };
}
