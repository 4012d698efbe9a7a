import { roleChannel } from '@syncline/cluster';
import { defineScript, type Script } from '@syncline/redis';
import { shardPrefix } from '../shards.js';

/** What every script is given: it builds its keys from the prefix of the shard. */
export interface InShard {
  readonly shard: number;
}

/** Start of every channel on which the scripts send hints. */
const HINT_CHANNELS = roleChannel('lock', '');

/** A script of the lock engine, by the name of its file. */
export const lockScript = <Input extends InShard, Reply>(
  name: string,
  args: (input: Input) => (string | number)[],
  decode: (reply: unknown, input: Input) => Reply,
): Script<Input, Reply> =>
  defineScript({
    file: new URL(`./${name}.lua`, import.meta.url),
    keys: ({ shard }) => [shardPrefix(shard)],
    args: (input) => [HINT_CHANNELS, ...args(input)],
    decode,
  });
