import { Coalescer } from './coalescer.js';

describe('a coalescer', () => {
  it('gives callers who ask before it is sent one answer, and those who ask later a newer one', async () => {
    const coalescer = new Coalescer<number>();
    let sent = 0;
    const ask = (id: string) =>
      coalescer.join(id, async () => {
        sent += 1;
        return sent;
      });
    const [first, second, other] = [ask('__proto__'), ask('__proto__'), ask('other')];
    expect(sent).toBe(0);
    expect(await Promise.all([first, second, other])).toEqual([1, 1, 2]);
    expect(await ask('__proto__')).toBe(3);
  });

  it('gives them one failure too, and asks again then', async () => {
    const coalescer = new Coalescer<number>();
    const fail = () => coalescer.join('k', () => Promise.reject(new Error('away')));
    await Promise.all([fail(), fail()].map((answer) => expect(answer).rejects.toThrow('away')));
    expect(await coalescer.join('k', async () => 1)).toBe(1);
  });
});
