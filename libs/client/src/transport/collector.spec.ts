import { Collector } from './collector.js';

const promises = () => new Promise<void>((resolve) => process.nextTick(resolve));
const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('a collector', () => {
  it('sends a call that is alone without waiting for others, and gathers while one is under way', async () => {
    const sent: (readonly string[])[] = [];
    const answers: (() => void)[] = [];
    const collector = new Collector<string, string>({
      maxItems: 10,
      run: (items) => {
        sent.push(items);
        return new Promise((resolve) => answers.push(() => resolve(items)));
      },
    });
    const first = collector.add('first');
    await promises();
    expect(sent).toEqual([['first']]);
    void collector.add('second');
    await promises();
    expect(sent).toHaveLength(1);
    void collector.add('third');
    await endOfTurn();
    expect(sent).toEqual([['first'], ['second', 'third']]);
    for (const answer of answers) answer();
    expect(await first).toBe('first');
  });
});
