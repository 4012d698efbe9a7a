import type { ExecutionContext } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { Call } from '../calls/call.js';
import { ParkedGuard } from './parked.guard.js';

const contextOf = (call: Call) =>
  ({
    getType: () => 'http',
    switchToHttp: () => ({ getRequest: () => call, getResponse: () => undefined }),
  }) as unknown as ExecutionContext;

it('the guard of parked requests takes 10,000 of an address, and as many again when they have ended', () => {
  const guard = new ParkedGuard(new Metrics());
  const call = (waitMs: unknown, remoteAddress = '127.0.0.1') =>
    new Call(
      { id: 1, path: '/v1/locks/a/acquire', body: { waitMs } },
      { headers: {}, socket: { remoteAddress } },
    );
  const parked = Array.from({ length: 10_000 }, () => call(5_000));
  for (const each of parked) expect(guard.canActivate(contextOf(each))).toBe(true);
  expect(() => guard.canActivate(contextOf(call(1)))).toThrow(
    expect.objectContaining({ code: 'rate-limited', status: 429 }),
  );
  // What does not wait goes on: otherwise nobody could release what others wait for.
  for (const waitMs of [undefined, 0, 'long', null]) guard.canActivate(contextOf(call(waitMs)));
  guard.canActivate(contextOf(call(1, '127.0.0.2')));
  parked[0]?.ended();
  guard.canActivate(contextOf(call(1)));
});
