import { Boarding } from './boarding.js';

describe('callers who ask for the same', () => {
  it('share one answer when they ask before it is sent, and get a newer one when they ask later', async () => {
    const boarding = new Boarding<number>();
    let sent = 0;
    const ask = (id: string) =>
      boarding.join(id, async () => {
        sent += 1;
        return sent;
      });
    const [first, second, other] = [ask('__proto__'), ask('__proto__'), ask('other')];
    expect(sent).toBe(0);
    expect(await Promise.all([first, second, other])).toEqual([1, 1, 2]);
    expect(await ask('__proto__')).toBe(3);
  });

  it('share a failure too, and ask again then', async () => {
    const boarding = new Boarding<number>();
    const fail = () => boarding.join('k', () => Promise.reject(new Error('away')));
    await Promise.all([fail(), fail()].map((answer) => expect(answer).rejects.toThrow('away')));
    expect(await boarding.join('k', async () => 1)).toBe(1);
  });
});
