import { ClientLink, ParkedRequest } from '@syncline/runtime';
import type { Deliveries } from '../redis/scripts/deliveries.js';
import { Receiver, type WaitEnd } from './receiver.js';

const LONG = 60_000;
const DELIVERIES: Deliveries = { secret: 's', visibleUntil: 1, messages: [] };

describe('A receiver that waits', () => {
  const connected = new ClientLink();
  const request = () => new ParkedRequest<WaitEnd>();
  const receiver = () => new Receiver({ id: 'queue_1#a', arrival: '' }, { max: 2 }, request());

  it('stands in line from the moment that Redis has answered, where it stood before', async () => {
    const one = receiver();
    expect([one.inLine, one.waiter]).toEqual([false, { id: 'queue_1#a', arrival: '' }]);
    one.park('17');
    const end = one.wait(LONG, connected);
    expect([one.inLine, one.waiter]).toEqual([true, { id: 'queue_1#a', arrival: '17' }]);
    one.wake();
    await expect(end).resolves.toBe('woken');
  });

  it('was woken also by what came before it began to wait', async () => {
    const one = receiver();
    one.wake();
    expect(one.handOver()).toBeNull();
    await expect(one.wait(LONG, connected)).resolves.toBe('woken');
  });

  it('is over at its deadline', async () => {
    await expect(receiver().wait(-1, connected)).resolves.toBe('over');
  });

  it('takes what a send hands over, before or while it waits', async () => {
    for (const isWaiting of [true, false]) {
      const one = receiver();
      const handOver = one.handOver();
      expect(handOver).toMatchObject({ id: 'queue_1#a', max: 2 });
      const early = isWaiting ? one.wait(LONG, connected) : null;
      expect(handOver?.hand(DELIVERIES)).toBe(true);
      await expect(early ?? one.wait(LONG, connected)).resolves.toBe(DELIVERIES);
      expect(one.leave()).toBeNull();
    }
  });

  it('takes nothing that was meant for an earlier time, nor after it left', () => {
    const one = receiver();
    const first = one.handOver();
    one.wake();
    one.ask(request());
    const second = one.handOver();
    expect(first?.hand(DELIVERIES)).toBe(false);
    expect(one.leave()).toBeNull();
    expect(second?.hand(DELIVERIES)).toBe(false);
  });

  it('gives back what it was handed and has not taken', () => {
    const one = receiver();
    one.handOver()?.hand(DELIVERIES);
    expect(one.leave()).toBe(DELIVERIES);
  });
});
