import { jest } from '@jest/globals';
import { ClientDisconnected } from './client-disconnected.js';
import { ClientLink } from './disconnect-signal.js';
import { Drain, ShuttingDown } from './drain.js';
import { Parked, ParkedRequest } from './parked.js';

const LONG = 60_000;
const never = () => {
  throw new Error('The deadline passed.');
};

describe('ParkedRequest', () => {
  it('ends with a result that arrived before wait()', async () => {
    const request = new ParkedRequest<string>();
    expect(request.end('served')).toBe(true);
    await expect(request.wait(LONG, never)).resolves.toBe('served');
  });

  it('ends with a result that arrives during wait()', async () => {
    const request = new ParkedRequest<string>();
    const waiting = request.wait(LONG, never);
    expect(request.open).toBe(true);
    request.end('served');
    await expect(waiting).resolves.toBe('served');
    expect(request.open).toBe(false);
  });

  it('ends only once', async () => {
    const request = new ParkedRequest<string>();
    const waiting = request.wait(LONG, never);
    expect([request.fail(new Error('first')), request.end('late'), request.fail(new Error('late'))]).toEqual([
      true,
      false,
      false,
    ]);
    await expect(waiting).rejects.toThrow('first');
  });

  it('calls onDeadline at its deadline, which may end it later', async () => {
    const request = new ParkedRequest<string>();
    const waiting = request.wait(1, () => setImmediate(() => request.end('over')));
    await expect(waiting).resolves.toBe('over');
  });

  it('fails when its client disconnects, and then removes its listener', async () => {
    const link = new ClientLink();
    const request = new ParkedRequest<string>();
    const waiting = request.wait(LONG, never, link);
    link.disconnect();
    await expect(waiting).rejects.toThrow(ClientDisconnected);

    const listening = new ClientLink();
    const remove = jest.spyOn(listening, 'removeEventListener');
    const served = new ParkedRequest<string>();
    served.end('served');
    const later = new ParkedRequest<string>();
    const ended = later.wait(LONG, never, listening);
    later.end('served');
    await Promise.all([served.wait(LONG, never, listening), ended]);
    expect(remove).toHaveBeenCalledTimes(1);
  });

  it('fails when its client had already disconnected, unless it has ended', async () => {
    const link = new ClientLink();
    link.disconnect();
    await expect(new ParkedRequest<string>().wait(LONG, never, link)).rejects.toThrow(ClientDisconnected);
    const served = new ParkedRequest<string>();
    served.end('served');
    await expect(served.wait(LONG, never, link)).resolves.toBe('served');
  });

  it('fails without an unhandled rejection when nobody waits for it', async () => {
    const unhandled = jest.fn();
    process.once('unhandledRejection', unhandled);
    new ParkedRequest<string>().fail(new Error('nobody'));
    await new Promise(setImmediate);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('Parked', () => {
  it('holds requests by id until they leave', () => {
    const parked = new Parked<string>(new Drain());
    const request = parked.enter('a');
    expect(parked.get('a')).toBe(request);
    expect(parked.size).toBe(1);
    parked.delete('a');
    expect(parked.get('a')).toBeUndefined();
    expect(parked.size).toBe(0);
  });

  it('failAll() ends all parked requests', async () => {
    const parked = new Parked<string>(new Drain());
    const ends = ['a', 'b'].map((id) => parked.enter(id).wait(LONG, never));
    parked.failAll(new Error('away'));
    for (const end of ends) await expect(end).rejects.toThrow('away');
  });

  it('ends all parked requests when the process stops, and accepts no more', async () => {
    const drain = new Drain();
    const parked = new Parked<string>(drain);
    const end = parked.enter('a').wait(LONG, never);
    drain.onModuleDestroy();
    await expect(end).rejects.toThrow(ShuttingDown);
    expect(() => parked.enter('b')).toThrow(ShuttingDown);
  });
});
