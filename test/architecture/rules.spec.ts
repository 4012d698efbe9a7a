import { RULES } from './rules.js';
import { readSources, type Source } from './sources.js';

type RuleName = keyof typeof RULES;

/** Files that break each rule, with the number of violations. */
const BREACHES: Record<RuleName, readonly [breaches: number, ...Source[]]> = {
  'imports point one way: contracts <- redis <- runtime <- cluster <- engines, http <- apps': [
    6,
    { path: 'libs/redis/src/a.ts', text: "import { Ring } from '@syncline/cluster';" },
    { path: 'libs/locks/src/a.ts', text: "import { Disconnect } from '@syncline/http';" },
    {
      path: 'libs/http/src/a.ts',
      text: "export type { Lease } from '../../../libs/locks/src/lease/lease.js';",
    },
    { path: 'apps/lock/src/a.ts', text: "import { x } from '../../queue/src/x.js';" },
    { path: 'apps/lock/src/b.ts', text: "import { freePort } from '@syncline/testing';" },
    { path: 'apps/lock/src/c.ts', text: "await import('@syncline/locks/src/lease/lease.js');" },
    { path: 'libs/locks/src/d.spec.ts', text: "import { freePort } from '@syncline/testing';" },
    {
      path: 'libs/locks/src/d.ts',
      text: "import { REDIS } from '@syncline/redis';\nimport { b } from './b.js';",
    },
  ],
  'only the redis folder of an engine speaks Redis': [
    4,
    {
      path: 'libs/locks/src/events/a.ts',
      text: "import { REDIS, type RedisClient } from '@syncline/redis';",
    },
    { path: 'libs/caches/src/fills/a.ts', text: "import type { Redis } from 'ioredis';" },
    {
      path: 'libs/queues/src/timers/a.ts',
      text: "import {\n  commandConnection,\n} from '@syncline/redis';",
    },
    { path: 'apps/lock/src/a.ts', text: "import { LuaLibrary } from '@syncline/redis';" },
    { path: 'libs/locks/src/events/b.ts', text: "import { StoreUnavailable } from '@syncline/redis';" },
    { path: 'libs/locks/src/redis/a.store.ts', text: "import { REDIS } from '@syncline/redis';" },
    { path: 'libs/locks/src/locks/a.spec.ts', text: "import type { Redis } from 'ioredis';" },
    { path: 'libs/redis/src/connection.ts', text: "import { Redis } from 'ioredis';" },
  ],
  'engines know no edge': [
    3,
    { path: 'libs/embedded/src/a.ts', text: "import { createServer } from 'node:http';" },
    { path: 'libs/locks/src/a.ts', text: "import type { Request } from 'express';" },
    { path: 'libs/runtime/src/a.ts', text: "import { ApiProperty } from '@nestjs/swagger';" },
    { path: 'libs/locks/src/b.ts', text: "import { EventPattern } from '@nestjs/microservices';" },
    { path: 'apps/lock/src/a.ts', text: "import { ApiTags } from '@nestjs/swagger';" },
  ],
  'paths in documents exist': [
    1,
    { path: 'docs/a.md', text: 'See `libs/redis/src/index.ts` and `libs/redis/src/nowhere.ts`.' },
  ],
  'links in documents lead somewhere': [
    3,
    {
      path: 'docs/a.md',
      text: '# A\n[b](b.md#b), [self](#a), [gone](gone.md), [no such heading](b.md#a), [out](https://a.b), `[c](d.md)`',
    },
    { path: 'docs/b.md', text: '# B\n## B\n[a](./a.md), [second](#b-1), [third](#b-2)' },
  ],
  'every page of docs/ is on the site': [
    2,
    { path: 'docs/client.md', text: '' },
    { path: 'docs/nowhere.md', text: '' },
    { path: 'docs/decisions/README.md', text: '[A decision](listed.md)' },
    { path: 'docs/decisions/listed.md', text: '' },
    { path: 'docs/decisions/unlisted.md', text: '' },
  ],
  'every handler says what it does, to which names': [
    3,
    {
      path: 'apps/lock/src/a.controller.ts',
      text: [
        "  @Get(':name')\n  a() {}",
        "  @Post()\n  @Does('lock', ':name')\n  b() {}",
        "  @Sse('events')\n  c() {}",
        "  @Delete()\n  @Does('lock', JUDGED_BY_HANDLER)\n  d() {}\n",
        "  @Put()\n  @Does('lock', JUDGED_BY_HANDLER)\n  e(@CalledBy() caller: Caller) {}\n",
      ].join('\n\n'),
    },
    { path: 'libs/http/src/b.controller.ts', text: '@Open()\nclass B {\n  @Get()\n  a() {}\n}\n' },
  ],
  'the environment is read in one place': [
    1,
    { path: 'apps/lock/src/a.ts', text: 'const port = process.env.PORT;' },
    { path: 'libs/http/src/node/start-node.ts', text: 'readNodeConfig(role, process.env);' },
  ],
  'no Lua inside of TypeScript': [
    1,
    { path: 'apps/lock/src/a.ts', text: "const script = `return redis.call('GET', KEYS[1])`;" },
    { path: 'apps/lock/src/b.ts', text: "// redis.call('TIME') is read once" },
  ],
  'no mutable state of a module': [
    1,
    { path: 'apps/lock/src/a.ts', text: "import x from 'x';\nlet count = 0;\n" },
    { path: 'apps/lock/src/b.ts', text: 'function f() {\n  let count = 0;\n}\n' },
  ],
  'every file is named after a concept': [
    2,
    { path: 'libs/common/src/index.ts', text: '' },
    { path: 'apps/lock/src/utils.ts', text: '' },
  ],
  'files stay below 300 lines of code': [
    1,
    { path: 'apps/lock/src/a.ts', text: 'x;\n'.repeat(300) },
    { path: 'apps/lock/src/b.ts', text: '/** Why.\n * And how.\n */\nx;\n\n'.repeat(299) },
  ],
  'no test is switched off': [
    2,
    { path: 'a.spec.ts', text: `it.${'skip'}('works', () => {});` },
    { path: 'b.spec.ts', text: "  xdescribe('it', () => {});" },
    { path: 'c.spec.ts', text: "it('works', () => {}); exit(0);" },
  ],
  'every script has a typed wrapper and a header': [
    3,
    { path: 'a/scripts/mute.lua', text: 'return 1\n' },
    { path: 'a/scripts/orphan.lua', text: '-- Does it.\nreturn 1\n' },
    { path: 'a/scripts/bare.lua', text: '-- Does it.\nreturn 1\n' },
    {
      path: 'a/scripts/good.lua',
      text: '-- Does it.\n-- KEYS 1 it\n-- Returns 1.\n-- @include part.lua\nreturn 1\n',
    },
    { path: 'a/scripts/part.lua', text: '-- What good.lua is made of.\n' },
    { path: 'a/scripts/a.ts', text: "new URL('./bare.lua', import.meta.url); new URL('./good.lua', x);" },
    { path: 'b/shelf/verb.lua', text: '-- Does it.\n-- KEYS 1 it\n-- @include parts/noun.lua\n' },
    { path: 'b/shelf/parts/noun.lua', text: '-- What verb.lua is made of.\n' },
    {
      path: 'b/b.ts',
      text: "new LuaLibrary('b', new URL('./shelf/', x)); library.command({ name: 'verb' });",
    },
  ],
  'no script looks at every key': [
    1,
    { path: 'a/a.lua', text: "redis.call('KEYS', '*')" },
    { path: 'a/b.lua', text: "redis.call('GET', KEYS[1])" },
  ],
  'a script reads the clock once': [
    1,
    { path: 'a/clock.lua', text: "local time = redis.call('TIME')" },
    { path: 'a/a.lua', text: "-- @include clock.lua\nlocal again = redis.call('TIME')" },
  ],
  'a file of a shelf includes what it uses': [
    2,
    { path: 'a/parts/lease.lua', text: 'local Lease, ends = {}, 1\nfunction Lease.x(now) return now end' },
    { path: 'a/parts/wait.lua', text: '-- @include parts/lease.lua\nlocal Wait = Lease' },
    { path: 'libs/redis/src/lua/parts/clock.lua', text: 'local now' },
    {
      path: 'a/right.lua',
      text: "-- @include parts/wait.lua\nreturn { Wait.now, Lease, now = 1, 'now' } -- now",
    },
    { path: 'a/own.lua', text: 'local other, ends = 1, 2\nfor now = ends, 2 do x(now) end' },
    {
      path: 'a/wrong.lua',
      text: '-- @include parts/lease.lua\nreturn function() return Wait, Lease, now end',
    },
  ],
};

describe.each(Object.entries(RULES))('the rule: %s', (name, rule) => {
  it('holds for all files', () => {
    expect(rule(readSources())).toEqual([]);
  });

  it('finds violations', () => {
    const [breaches, ...sources] = BREACHES[name as RuleName];
    expect(rule(sources)).toHaveLength(breaches);
  });
});
