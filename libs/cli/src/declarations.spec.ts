import { Declarations } from './declarations.js';

const declared = (...files: readonly string[]) => {
  const declarations = new Declarations();
  files.forEach((text, i) => {
    declarations.add(`${i}.yaml`, text);
  });
  return declarations;
};

describe('declarations of queues and schedules', () => {
  it('are read from several files and documents, with defaults, aliases, and any names', () => {
    const { queues, schedules, faults } = declared(
      `queues:
  orders: { backoff: &slow { baseMs: 1000, factor: 2, maxMs: 60000 } }
  mails:
  1.0: { backoff: *slow }
---
---
queues: { __proto__: { maxReceives: 2 } }
`,
      '{"queues": {}, "schedules": {"__proto__": {"queue": "q", "everyMs": 1000, "message": {"body": {"__proto__": 1}}}}}',
    );
    expect(faults).toEqual([]);
    expect([...queues.keys()]).toEqual(['orders', 'mails', '1.0', '__proto__']);
    expect(queues.get('1.0')?.given).toEqual(queues.get('orders')?.given);
    expect(queues.get('mails')).toMatchObject({ stated: {}, given: { maxReceives: 5 } });
    const { given } = schedules.get('__proto__') ?? {};
    expect(given).toMatchObject({ missed: 'once', timeZone: 'UTC' });
    expect(JSON.stringify(given?.message.body)).toBe('{"__proto__":1}');
  });

  it('are refused with the place of each fault', () => {
    const { faults } = declared(
      `queues:
  orders:
    maxReceives: many
    retries: 3
  self: { deadLetterQueue: self }
  "a b":
  listed: [1]
  lost: *nowhere
  again:
schedules:
  wrong:
    queue: reports
    cron: '0 25 * * *'
    message: { body: 9007199254740993, headers: { a: 1 } }
  never: { queue: reports, cron: 0 0 30 2 *, message: { body: 1 } }
  empty:
caches: {}
`,
      'queues:\n  again:\n---\nqueues:\n  twice: {}\n  twice: {}\n',
      'queues: !!binary aGk=',
      '# nothing',
      '- queues',
      'queues:\n  a: &a { maxReceives: *b }\n  b: &b [*a, *a]\n',
    );
    expect(faults).toEqual([
      '0.yaml:14:22: JSON would round 9007199254740993: quote it',
      '0.yaml:3:5: queues.orders.maxReceives: expected a whole number from 1 to 1000',
      '0.yaml:4:5: queues.orders: unknown field: retries',
      '0.yaml:5:11: queues.self.deadLetterQueue: a queue cannot be its own dead-letter queue',
      expect.stringMatching(/^0\.yaml:6:3: queues\.a b: expected 1 to 256 characters/),
      '0.yaml:7:3: queues.listed: expected an object',
      expect.stringMatching(/^0\.yaml:8:3: queues\.lost: Unresolved alias/),
      '0.yaml:14:51: schedules.wrong.message.headers.a: expected a string',
      expect.stringMatching(/^0\.yaml:13:5: schedules\.wrong\.cron: .*hour/),
      '0.yaml:15:28: schedules.never.cron: there is no such date, so it would never send',
      expect.stringMatching(/^0\.yaml:16:3: schedules\.empty\.queue: required/),
      expect.stringMatching(/^0\.yaml:16:3: schedules\.empty\.message: required/),
      '0.yaml:17:1: caches: expected queues or schedules',
      '1.yaml:2:3: queues.again: it is declared twice',
      expect.stringMatching(/^1\.yaml:6:3: .*unique/),
      expect.stringMatching(/^2\.yaml:1:9: .*tag/),
      '3.yaml:1:1: expected queues or schedules, and there is nothing',
      '4.yaml:1:1: the file: expected names, each with its fields',
      expect.stringMatching(/^5\.yaml:2:3: queues\.a: Unresolved alias/),
      expect.stringMatching(/^5\.yaml:3:3: queues\.b: /),
    ]);
  });
});
